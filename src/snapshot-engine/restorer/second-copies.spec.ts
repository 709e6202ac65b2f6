import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LIES, lyingIndex } from '../../../test/support/lying-index.js';
import { noise } from '../../../test/support/noise.js';
import { SnapshotMaker } from '../../../test/support/snapshot-maker.js';
import type { BlobIndex } from '../blob-index/blob-index.js';
import { SnapshotBrowser } from '../browser/snapshot-browser.js';
import { parseSnapshotPath } from '../browser/snapshot-path.js';
import { BlobCipher } from '../crypto/blob-cipher.js';
import { BlobLoader } from '../repository/blob-loader.js';
import { InlineWorkers } from '../workers/inline-workers.js';
import { restoreSnapshot } from './restore-snapshot.js';
import { createRestoreService } from './restore-worker.js';

const workers = new InlineWorkers({ restore: createRestoreService });

describe.each(LIES)('an index that first names a pack which does not hold what it says (%s)', (lie) => {
  let folder: string;
  let target: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'second-copies-'));
    target = join(folder, 'target');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const text = Buffer.from('some text '.repeat(2_000));
  const chunks = [noise(70_000, 1), text, noise(80_000, 2)];
  const made = () => {
    const maker = new SnapshotMaker();
    const snapshot = maker.snapshot([
      maker.dir('d', [maker.dir('e', [maker.file('text', text)])]),
      maker.file('large', chunks),
    ]);
    return { maker, snapshot };
  };
  const expectWhole = () => {
    expect(readdirSync(target, { recursive: true, encoding: 'utf8' }).sort()).toEqual([
      'd',
      'd/e',
      'd/e/text',
      'large',
    ]);
    expect(readFileSync(join(target, 'd/e/text')).equals(text)).toBe(true);
    expect(readFileSync(join(target, 'large')).equals(Buffer.concat(chunks))).toBe(true);
  };

  it('keeps no restore from the other copies, and the restore tells of it', async () => {
    const { maker, snapshot } = made();
    const { index, lyingPack } = lyingIndex(maker, lie);
    const result = await restoreSnapshot(maker, index, snapshot, target, { workers });
    expect(result).toMatchObject({ failed: [], refused: [], filesRestored: 2 });
    expect(result.badPacks).toEqual([
      { packId: lyingPack, message: expect.stringMatching(/./) as unknown as string },
    ]);
    expectWhole();
  });

  it('keeps nobody from reading what the snapshot holds', async () => {
    const { maker, snapshot } = made();
    const { index, lyingPack } = lyingIndex(maker, lie);
    const { browser, loader } = browse(maker, index);
    const { entries } = await browser.listDirectory(snapshot, parseSnapshotPath('d/e'));
    expect(entries.map(({ name }) => name.toString())).toEqual(['text']);
    const { stream } = await browser.openFile(snapshot, parseSnapshotPath('large'));
    expect((await buffer(stream)).equals(Buffer.concat(chunks))).toBe(true);
    expect(loader.badPacks.list().map(({ packId }) => packId)).toEqual([lyingPack]);
  });

  it('fails what no pack has, after one look at each copy', async () => {
    const { maker, snapshot } = made();
    const { index, lyingPack } = lyingIndex(maker, lie);
    for (const id of maker.store.ids('pack')) if (id !== lyingPack) maker.store.delete('pack', id);
    const result = await restoreSnapshot(maker, index, snapshot, target, { workers });
    expect(result.refused).toEqual([{ path: '', reason: 'damaged_tree' }]);
    expect(result.badPacks).toHaveLength(2);
    const { browser } = browse(maker, index);
    await expect(browser.listDirectory(snapshot, parseSnapshotPath('d'))).rejects.toMatchObject({
      code: 'damaged_repository',
    });
  });
});

describe('a restore whose index tells only the truth', () => {
  it('makes no request and names no pack for the sake of copies', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'second-copies-'));
    const maker = new SnapshotMaker();
    const snapshot = maker.snapshot([maker.file('large', [noise(70_000, 1), noise(80_000, 2)])]);
    const result = await restoreSnapshot(maker, maker.index, snapshot, join(folder, 'target'), { workers });
    rmSync(folder, { recursive: true, force: true });
    expect(result.badPacks).toEqual([]);
    // The tree, and the two neighbours at once.
    expect(maker.files.calls).toHaveLength(2);
  });
});

function browse(maker: SnapshotMaker, index: BlobIndex) {
  const loader = new BlobLoader(maker.files, new BlobCipher(maker.masterKey));
  const repository = {
    loadBlob: (...call: Parameters<BlobLoader['load']>) => loader.load(...call),
  };
  return { browser: new SnapshotBrowser({ repository, index }), loader };
}
