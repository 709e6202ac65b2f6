import { hkdfSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noise } from '../../../test/support/noise.js';
import { MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, type Chunker } from './chunker.js';
import { createChunker } from './create-chunker.js';
import { remainder } from './polynomial.js';

const MIB = 1_024 * 1_024;
const keys = (salt: number) => ({ secret: noise(32, salt), polynomial: 0x3da3358b4dc173n });
const KINDS = ['gear', 'rabin'] as const;

function cutsOf(chunker: Chunker, data: Uint8Array): number[] {
  const cuts: number[] = [];
  for (let start = 0; start < data.length; start = cuts.at(-1)!) {
    cuts.push(chunker.nextCut(data, start, data.length));
  }
  return cuts;
}

const lengthsOf = (cuts: readonly number[]) => cuts.map((cut, i) => cut - (cuts[i - 1] ?? 0));

describe.each(KINDS)('the %s chunker', (kind) => {
  const chunker = createChunker(kind, keys(1));
  const data = noise(24 * MIB, 'file');
  const cuts = cutsOf(chunker, data);

  it('cuts within bounds, to the end', () => {
    expect(cuts.at(-1)).toBe(data.length);
    const lengths = lengthsOf(cuts);
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThanOrEqual(MIN_CHUNK_BYTES);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
    expect(cuts.length).toBeGreaterThan(8);
  });

  it('leaves a file of up to the minimum whole', () => {
    for (const length of [1, MIN_CHUNK_BYTES - 1, MIN_CHUNK_BYTES]) {
      expect(chunker.nextCut(data, 0, length)).toBe(length);
    }
  });

  it('depends on nothing but the bytes since the last cut', () => {
    fc.assert(
      fc.property(fc.nat({ max: 3 * MIB }), fc.nat({ max: 64 }), (start, before) => {
        const cut = chunker.nextCut(data, start, start + MAX_CHUNK_BYTES);
        const moved = new Uint8Array(MAX_CHUNK_BYTES + before);
        moved.set(data.subarray(start, start + MAX_CHUNK_BYTES), before);
        expect(chunker.nextCut(moved, before, moved.length) - before).toBe(cut - start);
        // More than a chunk can hold changes nothing, nor does less, if the cut lies within.
        expect(chunker.nextCut(data, start, data.length)).toBe(cut);
        expect(chunker.nextCut(data, start, cut)).toBe(cut);
        expect(chunker.nextCut(data, start, cut + 1)).toBe(cut);
      }),
      { numRuns: 10 },
    );
  });

  it('finds its old cuts again after bytes were put in, changed or taken away', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 4 * MIB }),
        fc.nat({ max: 300 }),
        fc.uint8Array({ maxLength: 300 }),
        (at, removed, put) => {
          const edited = Buffer.concat([data.subarray(0, at), put, data.subarray(at + removed)]);
          const shift = edited.length - data.length;
          const shared = new Set(cuts.map((cut) => cut + shift));
          const found = cutsOf(chunker, edited).filter((cut) => shared.has(cut));
          // A few chunks around the edit may be new.
          expect(found.length).toBeGreaterThan(cuts.filter((cut) => cut > at).length - 8);
          expect(found.length).toBeGreaterThan(1);
        },
      ),
      { numRuns: 6 },
    );
  });

  it('never exceeds the maximum, whatever repeats', () => {
    for (const period of [1, 2, 3, 17, 64, 4_096]) {
      const pattern = noise(period, `period ${period}`);
      const repeated = Buffer.alloc(2 * MAX_CHUNK_BYTES + 5, pattern);
      const lengths = lengthsOf(cutsOf(chunker, repeated));
      expect(Math.max(...lengths)).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
      expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThanOrEqual(MIN_CHUNK_BYTES);
    }
  });
});

describe('the gear chunker', () => {
  const data = noise(24 * MIB, 'file');
  const chunker = createChunker('gear', keys(1));

  it('cuts elsewhere with another secret', () => {
    const mine = new Set(cutsOf(chunker, data));
    const theirs = cutsOf(createChunker('gear', keys(2)), data);
    expect(theirs.filter((cut) => mine.has(cut))).toEqual([data.length]);
  });

  it('cuts where the definition says, worked out byte by byte', () => {
    const parts = new DataView(hkdfSync('sha256', keys(1).secret, '', 'stowage gear chunker 1', 1_024));
    const expected: number[] = [];
    for (let start = 0, at = 0, sum = 0; at < data.length; at++) {
      sum = ((sum << 1) + parts.getInt32(4 * data[at]!, true)) | 0;
      const length = at + 1 - start;
      const mask = length < MIB ? 0x7ffffe00 : 0x7fffe000;
      if (length < MIN_CHUNK_BYTES || ((sum & mask) !== 0 && length < MAX_CHUNK_BYTES)) continue;
      expected.push((start = at + 1));
    }
    expect(cutsOf(chunker, data)).toEqual([...expected, data.length]);
    // A repository outlives this program: other cuts would store everything anew.
    expect(expected.slice(0, 4)).toEqual([1_067_965, 2_135_329, 3_464_964, 4_656_595]);
  });

  it('makes chunks of about a MiB', () => {
    const mean = data.length / cutsOf(chunker, data).length;
    expect(mean).toBeGreaterThan(0.9 * MIB);
    expect(mean).toBeLessThan(1.5 * MIB);
  });

  it('refuses a secret that is none', () => {
    expect(() => createChunker('gear', { ...keys(1), secret: new Uint8Array(16) })).toThrow('32 bytes');
  });
});

describe('the rabin chunker', () => {
  it('cuts where the fingerprint of the 64 bytes before ends in 20 zero bits', () => {
    const data = noise(12 * MIB, 'file');
    const fingerprint = (at: number) =>
      remainder(BigInt(`0x${data.toString('hex', at - 64, at)}`), 0x3da3358b4dc173n) & 0xfffffn;
    const cuts = cutsOf(createChunker('rabin', keys(1)), data);
    expect(cuts.slice(0, -1).map(fingerprint)).toEqual(cuts.slice(0, -1).map(() => 0n));
  });

  it('cuts zeros at the minimum', () => {
    const cuts = cutsOf(createChunker('rabin', keys(1)), new Uint8Array(4 * MIN_CHUNK_BYTES));
    expect(lengthsOf(cuts)).toEqual([MIN_CHUNK_BYTES, MIN_CHUNK_BYTES, MIN_CHUNK_BYTES, MIN_CHUNK_BYTES]);
  });

  it('takes no polynomial of another degree', () => {
    expect(() => createChunker('rabin', { ...keys(1), polynomial: 0xffn })).toThrow('degree 53');
  });
});
