import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noise } from '../../../test/support/noise.js';
import type { BlobType, PackedBlob } from '../pack/packed-blob.js';
import { BlobIndex } from './blob-index.js';

describe('BlobIndex', () => {
  it('behaves like a map from packs to blobs, whatever is added, removed and asked', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const index = new BlobIndex();
        const model = new Map<string, PackedBlob[]>();
        for (const { pack, blobs, remove } of commands) {
          if (remove) expect(index.removePack(pack)).toBe(model.delete(pack));
          else add(index, model, pack, blobs);
        }
        expectSame(index, model);
      }),
      { numRuns: 100 },
    );
  });

  it('holds 300,000 blobs in at most 64 bytes each, and gives memory back when packs go', () => {
    const index = new BlobIndex();
    const addMs: number[] = [];
    for (let at = 0; at < 1_500; at += 1) {
      const blobs = manyBlobs(at, 200);
      const before = process.threadCpuUsage();
      index.add(packIdOf(at), blobs, { saved: true });
      const { user, system } = process.threadCpuUsage(before);
      addMs.push((user + system) / 1_000);
    }
    expect(index.blobCount).toBe(300_000);
    expect(index.heldBytes / index.blobCount).toBeLessThanOrEqual(64);
    // No growth holds the event loop; collecting garbage may, a few times.
    expect(addMs.sort((a, b) => b - a)[5]).toBeLessThan(50);
    for (let at = 0; at < 1_500; at += 1) if (at % 8 !== 0) index.removePack(packIdOf(at));
    expect(index.blobCount).toBe(37_600);
    expect(index.heldBytes).toBeLessThan(8 * 1_024 * 1_024);
    const wronglyFound = Array.from({ length: 1_500 }, (_, at) => at).filter((at) => {
      const [first, second] = manyBlobs(at, 2);
      const isThere = at % 8 === 0;
      const packId = index.find('data', first!.id)?.packId;
      return packId !== (isThere ? packIdOf(at) : undefined) || index.has('data', second!.id) !== isThere;
    });
    expect(wronglyFound).toEqual([]);
    expect(index.pack(packIdOf(1_200))?.blobs()).toEqual(manyBlobs(1_200, 200));
  });

  it('does not slow down when somebody lists one blob again and again', () => {
    const index = new BlobIndex();
    const [each] = manyBlobs(0, 1);
    const startedMs = performance.now();
    for (let at = 0; at < 20_000; at += 1) index.add(idFrom(at), [{ ...each!, offset: at }]);
    expect(index.findAll('data', each!.id)).toHaveLength(20_000);
    for (let at = 0; at < 19_999; at += 1) index.removePack(idFrom(at));
    expect(index.find('data', each!.id)?.packId).toBe(idFrom(19_999));
    // By walking over all that are there it would take minutes.
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it('knows which packs no index file lists yet', () => {
    const index = new BlobIndex();
    index.add(packIdOf(1), manyBlobs(1, 2));
    index.add(packIdOf(2), manyBlobs(2, 2), { saved: true });
    index.add(packIdOf(3), manyBlobs(3, 2));
    expect(index.unsavedPacks().map(({ id }) => id)).toEqual([packIdOf(1), packIdOf(3)]);
    index.markSaved([packIdOf(1), packIdOf(9)]);
    index.removePack(packIdOf(3));
    expect(index.unsavedPacks()).toEqual([]);
    // Another file lists less of a known pack, then more.
    index.add(packIdOf(2), manyBlobs(2, 1), { saved: true });
    expect(index.unsavedPacks()).toEqual([]);
    index.add(packIdOf(2), manyBlobs(2, 3));
    expect(index.unsavedPacks().map(({ id, blobCount }) => [id, blobCount])).toEqual([[packIdOf(2), 3]]);
  });

  it('refuses names that are no ids', () => {
    const index = new BlobIndex();
    const [each] = manyBlobs(1, 1);
    for (const id of ['', 'x', 'A'.repeat(64), '0'.repeat(63), '0'.repeat(65), `${'0'.repeat(63)}é`]) {
      expect(() => index.add(id, [])).toThrow(TypeError);
      expect(() => index.add(packIdOf(1), [each!, { ...each!, id }])).toThrow(TypeError);
      expect(index.has('data', id)).toBe(false);
      expect(index.hasPack(id)).toBe(false);
    }
    expect(index.packCount).toBe(0);
    expect(index.has('data', each!.id)).toBe(false);
  });
});

const idFrom = (number: number): string => number.toString(16).padStart(64, '0');
const blob = fc.record({
  id: fc.integer({ min: 0, max: 30 }).map(idFrom),
  type: fc.constantFrom<BlobType>('data', 'tree'),
  offset: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  lengthBytes: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  uncompressedBytes: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});
const command = fc.record({
  pack: fc.integer({ min: 0, max: 8 }).map(idFrom),
  blobs: fc.array(blob, { maxLength: 6 }),
  remove: fc.boolean(),
});

/** Blobs with ids like hashes, the same for the same pack. */
function manyBlobs(pack: number, count: number): PackedBlob[] {
  const ids = noise(32 * count, pack).toString('hex');
  return Array.from({ length: count }, (_, at) => ({
    id: ids.slice(64 * at, 64 * at + 64),
    type: 'data',
    offset: 100 * at,
    lengthBytes: 100,
    uncompressedBytes: pack,
  }));
}

const packIdOf = (pack: number): string => noise(32, `pack ${pack}`).toString('hex');

function add(index: BlobIndex, model: Map<string, PackedBlob[]>, pack: string, blobs: PackedBlob[]): void {
  index.add(pack, blobs);
  const known = model.get(pack);
  const more = blobs.filter(
    (each) => !known?.some((other) => JSON.stringify(other) === JSON.stringify(each)),
  );
  model.set(
    pack,
    [...(known ?? []), ...more].sort((left, right) => left.offset - right.offset),
  );
}

function expectSame(index: BlobIndex, model: Map<string, PackedBlob[]>): void {
  const packs = [...index.packs()];
  expect(new Map(packs.map((pack) => [pack.id, pack.blobs()]))).toEqual(model);
  for (const pack of packs) {
    const last = pack.blobs().at(-1);
    expect(pack.blobBytes).toBe(last === undefined ? 0 : last.offset + last.lengthBytes);
  }
  expect(index.packCount).toBe(model.size);
  expect(index.blobCount).toBe([...model.values()].flat().length);
  for (let number = 0; number <= 31; number += 1) {
    for (const type of ['data', 'tree'] as const) {
      const id = idFrom(number);
      const expected = [...model].flatMap(([packId, blobs]) =>
        blobs.filter((each) => each.id === id && each.type === type).map((each) => ({ ...each, packId })),
      );
      const found = index.findAll(type, id);
      expect(found.map((each) => JSON.stringify(sorted(each))).sort()).toEqual(
        expected.map((each) => JSON.stringify(sorted(each))).sort(),
      );
      expect(index.has(type, id)).toBe(expected.length > 0);
      expect(index.find(type, id)).toEqual(found[0]);
    }
  }
}

const sorted = (value: object) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
