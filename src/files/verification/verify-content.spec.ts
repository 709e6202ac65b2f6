import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { ScriptedStorage } from '../../../test/support/scripted-storage.js';
import { verifyContent } from './verify-content.js';

const text = 'what was uploaded';
const expected = {
  objectKey: 'k',
  sizeBytes: text.length,
  checksum: createHash('sha256').update(text).digest('hex'),
  crc32: crc32(text),
};
const signal = new AbortController().signal;

function verdictOn(stored: string, row: object = {}) {
  const storage = new ScriptedStorage().store('k', stored);
  return verifyContent(storage, { ...expected, ...row }, signal, () => undefined);
}

describe('verifyContent', () => {
  it('computes what nobody knew, and finds nothing wrong', async () => {
    const { checksum, crc32: crc } = expected;
    expect(await verdictOn(text, { checksum: null, crc32: null })).toEqual({
      sizeBytes: text.length,
      checksum,
      crc32: crc,
      differs: undefined,
    });
    expect((await verdictOn(text)).differs).toBeUndefined();
  });

  it.each([
    ['the length', 'shorter', {}, /has 7 bytes instead of 17/],
    ['a byte', text.toUpperCase(), {}, /its SHA-256 is [0-9a-f]{64} instead of/],
    ['a byte that only the CRC-32 tells', text.toUpperCase(), { checksum: null }, /CRC-32/],
  ])('tells that %s is another', async (_, stored, row, differs) => {
    expect((await verdictOn(stored, row)).differs).toMatch(differs);
  });

  it('fails when there is nothing to read', async () => {
    const reading = verifyContent(new ScriptedStorage(), expected, signal, () => undefined);
    await expect(reading).rejects.toMatchObject({ code: 'object_not_found' });
  });
});
