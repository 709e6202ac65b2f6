import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BlobIndex } from '../../snapshot-engine/index.js';
import { LoadedIndexes } from './loaded-indexes.js';

const KIB = 1_024;

describe('the indexes that are kept for browsing', () => {
  let now: number;
  let generation: number;
  let calls: string[];
  let release: Promise<void> | undefined;
  let indexes: LoadedIndexes;

  beforeEach(() => {
    now = 1_000;
    generation = 0;
    calls = [];
    release = undefined;
    indexes = new LoadedIndexes({
      now: () => now,
      maxBytes: 5 * KIB,
      stateOf: () => Promise.resolve({ generation, nowMs: now }),
      open: (id) =>
        Promise.resolve({
          loadIndex: async () => {
            calls.push(`load ${id}`);
            await release;
            return { heldBytes: 2 * KIB } as BlobIndex;
          },
          refreshIndex: async () => {
            calls.push(`refresh ${id}`);
            return { added: [], vanished: [] };
          },
        }),
    });
  });

  it('are loaded once for all snapshots that they know', async () => {
    const first = await indexes.of('a', 900);
    expect(await indexes.of('a', 1_000)).toBe(first);
    expect(calls).toEqual(['load a']);
  });

  it('are refreshed for a younger snapshot, and loaded anew after a doom', async () => {
    const first = await indexes.of('a', 900);
    now = 2_000;
    expect(await indexes.of('a', 1_500)).toBe(first);
    generation = 1;
    expect(await indexes.of('a', 900)).not.toBe(first);
    expect(calls).toEqual(['load a', 'refresh a', 'load a']);
  });

  it('are loaded once for all who ask at the same time, and again for who knows of more', async () => {
    let finish = () => undefined as void;
    release = new Promise((resolve) => (finish = resolve));
    const early = [indexes.of('a', 900), indexes.of('a', 1_000)];
    await new Promise(setImmediate);
    now = 3_000;
    const late = indexes.of('a', 2_500);
    await new Promise(setImmediate);
    finish();
    await Promise.all([...early, late]);
    expect(calls).toEqual(['load a', 'refresh a']);
  });

  it('are forgotten, the least used first, when they would take too much memory', async () => {
    for (const id of ['a', 'b', 'a', 'c', 'a']) await indexes.of(id, 900);
    expect(calls).toEqual(['load a', 'load b', 'load c']);
    await indexes.of('b', 900);
    expect(calls).toEqual(['load a', 'load b', 'load c', 'load b']);
  });

  it('are not kept when nobody browses any more', async () => {
    await indexes.of('a', 900);
    now += 11 * 60_000;
    await indexes.of('a', 900);
    expect(calls).toEqual(['load a', 'load a']);
  });

  it('are asked for again after a failure', async () => {
    release = Promise.reject(new Error('the bucket is away'));
    await expect(indexes.of('a', 900)).rejects.toThrow('away');
    release = undefined;
    await indexes.of('a', 900);
    expect(calls).toEqual(['load a', 'load a']);
  });
});
