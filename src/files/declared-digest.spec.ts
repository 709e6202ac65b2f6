import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { declaredSha256 } from './declared-digest.js';

const hex = createHash('sha256').update('x').digest('hex');
const base64 = Buffer.from(hex, 'hex').toString('base64');

describe('declaredSha256', () => {
  it.each([
    `sha-256=:${base64}:`,
    `md5=:AAAA:, sha-256=:${base64}:`,
    `SHA-256 = :${base64}: , unixsum=:AA==:`,
  ])('reads %s', (header) => {
    expect(declaredSha256(header)).toBe(hex);
  });

  it.each([undefined, '', 'md5=:AAAA:', 'sha-512=:AAAA:', 'xsha-256=:AAAA:'])(
    'finds none in %j',
    (header) => {
      expect(declaredSha256(header)).toBeUndefined();
    },
  );

  it.each([`sha-256=${base64}`, 'sha-256=::', 'sha-256=:AAAA:', `sha-256=:${hex}:`, 'sha-256='])(
    'refuses %j',
    (header) => {
      expect(() => declaredSha256(header)).toThrow(expect.objectContaining({ code: 'bad_request' }));
    },
  );
});
