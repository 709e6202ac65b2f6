import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BlobType } from '../pack/packed-blob.js';
import {
  encodeIndexFile,
  indexFileGroups,
  MAX_INDEX_FILE_BLOBS,
  parseIndexFile,
  type PackListing,
} from './index-file.js';

describe('an index file', () => {
  it('survives its JSON', () => {
    fc.assert(
      fc.property(fc.array(pack), (packs) => {
        const json = Buffer.concat([...encodeIndexFile(packs)]);
        expect(JSON.parse(json.toString())).toEqual({ packs: packs.map(asRestic) });
        expect(parse(json)).toEqual(packs);
      }),
    );
  });

  it('is read with any white space, order and unknown fields', () => {
    fc.assert(
      fc.property(fc.array(pack), fc.jsonValue(), fc.nat(3), fc.boolean(), (packs, unknown, indent, last) => {
        const turned = packs.map((each) => {
          const { id, blobs } = asRestic(each);
          const extended = blobs.map((blob) => ({ unknown, ...blob, '"\\\u00e9': unknown }));
          return last ? { blobs: extended, unknown, id } : { unknown, id, blobs: extended };
        });
        const index = { supersedes: ['0'.repeat(64)], unknown, packs: turned, more: unknown };
        expect(parse(Buffer.from(JSON.stringify(index, undefined, indent)))).toEqual(packs);
      }),
    );
  });

  it('takes the null that Go writes for an empty list', () => {
    expect(parse(Buffer.from('{"packs":null}'))).toEqual([]);
    const id = 'a'.repeat(64);
    expect(parse(Buffer.from(`{"packs":[{"id":"${id}","blobs":null}]}`))).toEqual([{ id, blobs: [] }]);
  });

  it('is refused as damaged, or is valid JSON with the same meaning, whatever bytes are changed', () => {
    const change = fc.record({ at: fc.nat(), remove: fc.nat(3), insert: fc.uint8Array({ maxLength: 3 }) });
    fc.assert(
      fc.property(
        fc.array(pack, { minLength: 1 }),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (packs, changes) => {
          let json = Buffer.concat([...encodeIndexFile(packs)]);
          for (const { at, remove, insert } of changes) {
            const place = at % json.length;
            json = Buffer.concat([json.subarray(0, place), insert, json.subarray(place + remove)]);
          }
          const read = parseOrRefuse(json);
          if (read !== undefined) expect(typeof JSON.parse(json.toString())).toBe('object');
        },
      ),
      { numRuns: 1_000 },
    );
  });

  const good = { id: '1'.repeat(64), type: 'data', offset: 0, length: 40 };
  it.each([
    ['nothing', ''],
    ['another value', '[]'],
    ['no packs', '{}'],
    ['something behind it', '{"packs":[]}x'],
    ['a cut list', '{"packs":['],
    ['a trailing comma', '{"packs":[],}'],
    ['a pack without id', '{"packs":[{"blobs":[]}]}'],
    ['a pack without blobs', `{"packs":[{"id":"${'1'.repeat(64)}"}]}`],
    ['a short id', withBlob({ ...good, id: '1' })],
    ['an id in upper case', withBlob({ ...good, id: 'A'.repeat(64) })],
    ['an unknown type', withBlob({ ...good, type: 'blob' })],
    ['no offset', withBlob({ ...good, offset: undefined })],
    ['no length', withBlob({ ...good, length: undefined })],
    ['a negative offset', withBlob({ ...good, offset: -1 })],
    ['a fraction', withBlob({ ...good, offset: 1.5 })],
    ['an exponent', withBlob(good).replace('"offset":0', '"offset":1e3')],
    ['a number in a string', withBlob({ ...good, offset: '0' })],
    ['an offset of more than 32 bits', withBlob({ ...good, offset: 2 ** 32 })],
    ['a length below that of a seal', withBlob({ ...good, length: 31 })],
    ['a blob of 4 GiB', withBlob({ ...good, length: 2 ** 32 - 1 })],
    ['a plaintext of 4 GiB', withBlob({ ...good, uncompressed_length: 2 ** 32 - 1 })],
    ['something compressed to nothing', withBlob({ ...good, length: 32, uncompressed_length: 5 })],
    ['endless nesting', `{"a":${'['.repeat(100_000)}`],
    ['an endless number', `{"a":${'1'.repeat(100_000)}}`],
    ['a control character', '{"a\n":1,"packs":[]}'],
  ])('is refused with %s', (_, json) => {
    expect(() => parse(Buffer.from(json))).toThrow('index is damaged');
  });

  it('rests within a large pack', () => {
    const blobs = Array.from({ length: 10_000 }, (_, at) => ({
      id: at.toString(16).padStart(64, '0'),
      type: 'data' as const,
      offset: at * 40,
      lengthBytes: 40,
      uncompressedBytes: 0,
    }));
    const json = Buffer.concat([...encodeIndexFile([{ id: '0'.repeat(64), blobs }])]);
    const steps = [...parseIndexFile(json, 'index')];
    expect(steps.filter((step) => step === undefined)).toHaveLength(4);
    expect(steps.at(-1)?.blobs).toEqual(blobs);
  });

  it('holds at most 50,000 blobs, less than 8 MiB, and each pack as a whole', () => {
    const packs = Array.from({ length: 30 }, (_, at) => ({ id: at, blobCount: at === 7 ? 60_000 : 9_000 }));
    const groups = [...indexFileGroups(packs)];
    expect(groups.flat()).toEqual(packs);
    for (const group of groups) {
      const blobs = group.reduce((sum, { blobCount }) => sum + blobCount, 0);
      expect(group.length === 1 || blobs <= MAX_INDEX_FILE_BLOBS).toBe(true);
    }
    expect(groups).toHaveLength(8);
    expect([...indexFileGroups([])]).toEqual([]);
    const blob = { ...blobs32, id: 'f'.repeat(64) };
    const full = Array.from({ length: 5 }, () => ({
      id: 'f'.repeat(64),
      blobs: Array.from({ length: MAX_INDEX_FILE_BLOBS / 5 }, () => blob),
    }));
    const sizeBytes = [...encodeIndexFile(full)].reduce((sum, piece) => sum + piece.length, 0);
    expect(sizeBytes).toBeLessThan(8 * 1_024 * 1_024);
  });
});

const blobs32 = {
  type: 'data' as const,
  offset: 16_777_216,
  lengthBytes: 1_234_567,
  uncompressedBytes: 8_388_608,
};
const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const blob = fc.record({
  id,
  type: fc.constantFrom<BlobType>('data', 'tree'),
  offset: fc.nat(2 ** 32 - 1),
  lengthBytes: fc.integer({ min: 33, max: 2 ** 28 }),
  uncompressedBytes: fc.nat(2 ** 28),
});
const pack = fc.record({ id, blobs: fc.array(blob, { maxLength: 5 }) });

function asRestic({ id: packId, blobs }: PackListing) {
  return {
    id: packId,
    blobs: blobs.map(({ id: blobId, type, offset, lengthBytes, uncompressedBytes }) => ({
      id: blobId,
      type,
      offset,
      length: lengthBytes,
      ...(uncompressedBytes > 0 && { uncompressed_length: uncompressedBytes }),
    })),
  };
}

function withBlob(each: object): string {
  return JSON.stringify({ packs: [{ id: '1'.repeat(64), blobs: [each] }] });
}

function parse(json: Buffer): PackListing[] {
  return [...parseIndexFile(json, 'index')].filter((step) => step !== undefined);
}

function parseOrRefuse(json: Buffer): PackListing[] | undefined {
  try {
    return parse(json);
  } catch (error) {
    expect(error).toMatchObject({ name: 'RepositoryError', code: 'damaged_repository' });
    return undefined;
  }
}
