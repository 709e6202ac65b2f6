import { describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { VerifiedBody } from './verified-body.js';

const content = Buffer.from('the quick brown fox jumps over the lazy dog');
const expected = { sizeBytes: content.length, crc32: crc32(content) };

describe('VerifiedBody', () => {
  it('passes what is expected, however it is cut', async () => {
    for (let at = 0; at <= content.length; at++) {
      const { passed, error } = await pass([content.subarray(0, at), content.subarray(at)]);
      expect(error).toBeUndefined();
      expect(passed.equals(content)).toBe(true);
    }
  });

  it('never completes a body with a flipped bit', async () => {
    for (let at = 0; at < content.length; at++) {
      const damaged = Buffer.from(content);
      damaged[at]! ^= 1;
      const { passed, error } = await pass([damaged.subarray(0, 20), damaged.subarray(20)]);
      expect(error).toMatchObject({ code: 'file_damaged' });
      expect(passed.length).toBeLessThan(content.length);
    }
  });

  it.each([
    ['short', content.subarray(0, -1)],
    ['empty', Buffer.alloc(0)],
    ['long', Buffer.concat([content, Buffer.from('!')])],
  ])('fails with a %s body', async (_, body) => {
    for (const crc of [expected.crc32, undefined]) {
      const { error } = await pass([body], { ...expected, crc32: crc });
      expect(error).toMatchObject({ code: 'file_damaged' });
    }
  });

  it('takes an empty file', async () => {
    const { error } = await pass([], { sizeBytes: 0, crc32: 0 });
    expect(error).toBeUndefined();
  });
});

async function pass(
  chunks: readonly Buffer[],
  wanted: { sizeBytes: number; crc32: number | undefined } = expected,
) {
  const passed: Buffer[] = [];
  const body = new VerifiedBody(wanted);
  body.on('data', (chunk: Buffer) => passed.push(chunk));
  try {
    await pipeline(Readable.from(chunks.filter((chunk) => chunk.length > 0)), body);
    return { passed: Buffer.concat(passed), error: undefined };
  } catch (error) {
    return { passed: Buffer.concat(passed), error };
  }
}
