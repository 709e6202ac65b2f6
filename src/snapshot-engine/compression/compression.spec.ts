import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noise } from '../../../test/support/noise.js';
import { compressBlob, decompressBlob } from './blob-compression.js';
import {
  compressFile,
  compressFileAsync,
  decompressFile,
  decompressFileAsync,
  MAX_FILE_BYTES,
} from './file-compression.js';
import { looksIncompressible } from './incompressible.js';
import { ZstdContext } from './zstd-context.js';
import { isWholeFrame } from './zstd-frame.js';

const MIB = 1_024 * 1_024;

describe('compressing blobs', () => {
  it('gives a frame that anyone reads, and only where it pays', () => {
    fc.assert(
      fc.property(content, (plaintext) => {
        const frame = compressBlob(plaintext);
        if (frame === undefined) return;
        expect(frame.length).toBeLessThan(plaintext.length);
        expect(zstdDecompressSync(frame).compare(plaintext)).toBe(0);
        expect(decompressBlob(frame, plaintext.length, 'it').compare(plaintext)).toBe(0);
      }),
    );
    expect(compressBlob(Buffer.alloc(100))).toHaveLength(17);
    expect(compressBlob(Buffer.alloc(8 * MIB))!.length).toBeLessThan(2_000);
    for (const sizeBytes of [0, 1, 63, 1_000, 100_000, MIB])
      expect(compressBlob(noise(sizeBytes))).toBeUndefined();
  });

  it('knows incompressible data, and is not fooled by equal frequencies', () => {
    expect(looksIncompressible(noise(MIB))).toBe(true);
    expect(looksIncompressible(noise(64 * 1_024, 3))).toBe(true);
    expect(looksIncompressible(Buffer.from(noise(MIB).toString('base64')))).toBe(false);
    expect(looksIncompressible(Buffer.alloc(MIB, noise(4_096)))).toBe(false);
    expect(
      looksIncompressible(Buffer.from(Uint32Array.from({ length: MIB / 4 }, (_, at) => at).buffer)),
    ).toBe(false);
    const halfText = Buffer.concat([noise(MIB / 2), Buffer.alloc(MIB / 2, 'some text ')]);
    expect(looksIncompressible(halfText)).toBe(false);
  });

  it('refuses frames of another length, cut ones and what are none', () => {
    const plaintext = Buffer.alloc(5_000, 'text ');
    const frame = compressBlob(plaintext)!;
    for (const expectedBytes of [0, -1, NaN, 1, 4_999, 5_001, 2 ** 32, 2 ** 53])
      expect(damageOf(() => decompressBlob(frame, expectedBytes, 'it'))).toMatch(/^it is damaged/);
    for (let end = 0; end < frame.length; end += 1)
      expect(damageOf(() => decompressBlob(frame.subarray(0, end), 5_000, 'it'))).toMatch(/^it is damaged/);
    expect(decompressBlob(frame, 5_000, 'it').compare(plaintext)).toBe(0);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 2 ** 28 }),
        (bytes, expected) => {
          damageOf(() => decompressBlob(bytes, expected, 'it'));
          expect(decompressBlob(frame, 5_000, 'it').compare(plaintext)).toBe(0);
        },
      ),
    );
  });

  it('survives bombs in little memory', () => {
    const bomb = zstdCompressSync(Buffer.alloc(512 * MIB));
    expect(bomb.length).toBeLessThan(MIB / 8);
    const before = process.memoryUsage().rss;
    for (const expectedBytes of [1_000, 100_000, 10 * MIB])
      expect(damageOf(() => decompressBlob(bomb, expectedBytes, 'it'))).toMatch(/^it is damaged/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
    expect(damageOf(() => decompressFile(Buffer.concat([Buffer.of(2), bomb]), 'it'))).toMatch(
      /^it is damaged/,
    );
    expect(MAX_FILE_BYTES).toBeLessThan(512 * MIB);
  });
});

describe('compressing files', () => {
  it('marks what is compressed and takes JSON as it is', async () => {
    const small = Buffer.from('{"a":1}');
    const large = Buffer.from(JSON.stringify(noise(MIB).toString('base64')));
    for (const json of [small, large]) {
      for (const stored of [compressFile(json), await compressFileAsync(json)]) {
        expect(stored[0]).toBe(2);
        expect(decompressFile(stored, 'it').compare(json)).toBe(0);
        expect((await decompressFileAsync(stored, 'it')).compare(json)).toBe(0);
      }
    }
    expect(decompressFile(small, 'it').compare(small)).toBe(0);
    expect(decompressFile(Buffer.from('[1]'), 'it').toString()).toBe('[1]');
  });

  it('refuses anything else', async () => {
    const large = compressFile(noise(MIB));
    const wrong = [Buffer.alloc(0), Buffer.of(2), Buffer.of(1, 2), Buffer.from(' {}'), large.subarray(0, -9)];
    for (const bytes of wrong) {
      expect(damageOf(() => decompressFile(bytes, 'it'))).toMatch(/^it is damaged/);
      await expect(decompressFileAsync(bytes, 'it')).rejects.toMatchObject({ code: 'damaged_repository' });
    }
  });
});

describe('a context that is kept', () => {
  it('does the same as the functions of zlib, in any order and between failures', () => {
    const context = new ZstdContext();
    fc.assert(
      fc.property(content, fc.uint8Array({ maxLength: 60 }), (plaintext, garbage) => {
        const frame = context.compress(plaintext);
        expect(zstdDecompressSync(frame).compare(plaintext)).toBe(0);
        expect(() => context.decompress(garbage, 100)).toThrow();
        const altered = Buffer.from(frame);
        altered[garbage.length % frame.length]! ^= 0x55;
        failsOrNot(() => context.decompress(altered, plaintext.length));
        failsOrNot(() => context.decompress(frame.subarray(0, -1), plaintext.length));
        if (plaintext.length > 0)
          expect(context.decompress(frame, plaintext.length).compare(plaintext)).toBe(0);
      }),
    );
  });

  it('tells whole frames from all others', () => {
    fc.assert(
      fc.property(content, fc.boolean(), fc.nat(), (plaintext, checksum, cut) => {
        const params = { [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0 };
        const frame = zstdCompressSync(plaintext, { params });
        expect(isWholeFrame(frame)).toBe(true);
        expect(isWholeFrame(frame.subarray(0, cut % frame.length))).toBe(false);
        expect(isWholeFrame(Buffer.concat([frame, Buffer.of(cut & 255)]))).toBe(false);
      }),
    );
  });
});

/** From nothing to several blocks, from noise to one repeated letter. */
const content = fc
  .record({ sizeBytes: fc.nat(400_000), small: fc.boolean(), period: fc.nat(5_000), seed: fc.nat(99) })
  .map(({ sizeBytes, small, period, seed }) =>
    Buffer.alloc(small ? sizeBytes % 3_000 : sizeBytes, noise(period + 1, seed)),
  );

function failsOrNot(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    expect(String(error)).toMatch(/^(Range)?Error/);
  }
}

/** Message of the RepositoryError; empty when there was none. Any other error is a failure. */
function damageOf(act: () => unknown): string {
  try {
    act();
    return '';
  } catch (error) {
    expect(error).toMatchObject({ name: 'RepositoryError', code: 'damaged_repository' });
    return (error as Error).message;
  }
}
