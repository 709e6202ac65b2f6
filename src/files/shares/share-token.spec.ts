import { describe, expect, it } from '@jest/globals';
import { shareClient } from './share-client.js';
import { hashOfShareToken, newShareToken } from './share-token.js';

describe('the token of a share', () => {
  it('has 256 bits, is never the same, and is found again by its hash', () => {
    const made = Array.from({ length: 100 }, newShareToken);
    expect(new Set(made.map(({ token }) => token)).size).toBe(100);
    for (const { token, hash } of made) {
      expect(Buffer.from(token, 'base64url')).toHaveLength(32);
      expect(hashOfShareToken(token)).toEqual(hash);
      expect(hash.toString('base64url')).not.toBe(token);
    }
  });

  it.each([
    '',
    'a',
    'a'.repeat(42),
    'a'.repeat(44),
    `${'a'.repeat(42)}/`,
    `${'a'.repeat(42)}=`,
    `${'a'.repeat(43)}\n`,
  ])('is not %j', (text) => {
    expect(hashOfShareToken(text)).toBeUndefined();
  });
});

describe('the client of a share', () => {
  it('is an address with a program', () => {
    const curl = shareClient('192.0.2.1', 'curl/8');
    expect(shareClient('::ffff:192.0.2.1', 'curl/8')).toEqual(curl);
    expect(shareClient('192.0.2.2', 'curl/8')).not.toEqual(curl);
    expect(shareClient('192.0.2.1', 'wget')).not.toEqual(curl);
    expect(shareClient('192.0.2.1', undefined)).not.toEqual(curl);
  });

  it('is a whole /64 of IPv6', () => {
    const one = shareClient('2001:db8:1:2:3::4', 'curl/8');
    expect(shareClient('2001:db8:1:2:ffff::', 'curl/8')).toEqual(one);
    expect(shareClient('2001:db8:1:3:3::4', 'curl/8')).not.toEqual(one);
  });
});
