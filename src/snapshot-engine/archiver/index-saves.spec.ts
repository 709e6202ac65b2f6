import { describe, expect, it } from '@jest/globals';
import { hash } from 'node:crypto';
import { BlobIndex } from '../blob-index/blob-index.js';
import type { FinishedPack } from '../pack/pack-writer.js';
import { IndexSaves } from './index-saves.js';

const LIMITS = { maxBlobs: 2, maxBytes: 1_000 };

function setUp(saveIndex = async () => undefined as void) {
  const index = new BlobIndex();
  const saved: number[] = [];
  const target = {
    index,
    saveIndex: async () => {
      const packs = index.unsavedPacks();
      saved.push(packs.length);
      await saveIndex();
      index.markSaved(packs.map(({ id }) => id));
    },
  };
  const saves = new IndexSaves(target, new AbortController().signal, LIMITS);
  const store = (name: string, sizeBytes = 10) => {
    const blobs = [
      { id: hash('sha256', name), type: 'data' as const, offset: 0, lengthBytes: 40, uncompressedBytes: 0 },
    ];
    const pack: FinishedPack = {
      id: hash('sha256', `pack ${name}`),
      bytes: new Uint8Array(sizeBytes),
      blobs,
    };
    index.add(pack.id, pack.blobs);
    saves.count(pack);
  };
  return { saves, store, saved };
}

describe('IndexSaves', () => {
  it('lists packs while the run goes on, and the rest at its end', async () => {
    const { saves, store, saved } = setUp();
    store('a');
    store('b');
    await saves.settle();
    store('c');
    expect(saved).toEqual([2]);
    await saves.finish();
    expect(saved).toEqual([2, 1]);
  });

  it('counts bytes too, and writes nothing when all is listed', async () => {
    const { saves, store, saved } = setUp();
    store('large', 1_000);
    await saves.finish();
    expect(saved).toEqual([1]);
  });

  it('fails the run when an index could not be written', async () => {
    const { saves, store } = setUp(() => Promise.reject(new Error('The disk is full.')));
    store('large', 1_000);
    await saves.settle();
    await expect(saves.finish()).rejects.toThrow('The disk is full.');
  });
});
