import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
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
