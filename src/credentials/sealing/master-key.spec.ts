import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { MasterKey, MasterKeyError } from './master-key.js';

const hex = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const base64 = Buffer.from(hex, 'hex').toString('base64');
const printable = 'your-32-byte-encryption-key-here';

describe('a master key', () => {
  it('is the same key in hex of either case and in base64', () => {
    const wanted = MasterKey.parse(hex);
    for (const text of [hex.toUpperCase(), base64]) {
      expect(MasterKey.parse(text).id).toBe(wanted.id);
      expect(MasterKey.parse(text).wrappingKey).toEqual(wanted.wrappingKey);
    }
  });

  it('may be 32 printable characters as in the implementation guide', () => {
    expect(MasterKey.parse(printable).id).toMatch(/^[0-9a-f]{8}$/);
  });

  it.each([
    ['empty', ''],
    ['31 characters', printable.slice(1)],
    ['33 characters', `${printable}x`],
    ['a space inside', 'your 32-byte-encryption-key-here'],
    ['63 hex digits', hex.slice(1)],
    ['65 hex digits', `${hex}0`],
    ['64 characters that are not hex', `g${hex.slice(1)}`],
    ['base64 of 31 bytes', Buffer.alloc(31).toString('base64')],
    ['base64 of 33 bytes', Buffer.alloc(33).toString('base64')],
    ['32 characters outside of ASCII', 'ü'.repeat(32)],
    ['a line break at the end', `${hex}\n`],
  ])('is refused when it is %s, without being quoted', (_, text) => {
    expect(() => MasterKey.parse(text)).toThrow(MasterKeyError);
    if (text.length > 8) expect(messageOf(text)).not.toContain(text.trim().slice(0, 8));
  });

  it('gives another key for each purpose and installation, and none of them is itself', () => {
    const key = MasterKey.parse(hex);
    const derived = [
      key.wrappingKey,
      key.subkey('local-disk-urls', 'a'),
      key.subkey('local-disk-urls', 'b'),
      key.subkey('other', 'a'),
      Buffer.from(hex, 'hex'),
    ].map((bytes) => bytes.toString('hex'));
    expect(new Set(derived).size).toBe(derived.length);
    expect(derived.every((text) => text.length === 64)).toBe(true);
  });

  it('gives the same keys at the next start', () => {
    expect(MasterKey.parse(hex).subkey('p', 'i')).toEqual(MasterKey.parse(hex).subkey('p', 'i'));
    // Fixed: a change of the derivation would make every stored credential unreadable.
    expect(MasterKey.parse(hex).id).toBe('822b72a0');
    expect(MasterKey.parse(hex).wrappingKey.toString('hex')).toBe(
      '1c0bf5be1be0d9eee9558054a4ca85ea0249a19b56f6a72ccb7e3f99e47bfff6',
    );
  });

  it('does not show its bytes when printed', () => {
    const key = MasterKey.parse(hex);
    const shown = `${inspect(key, { depth: 9, showHidden: true })} ${JSON.stringify(key)}`;
    expect(shown).not.toContain(hex);
    expect(shown).not.toContain(key.wrappingKey.toString('hex').slice(0, 8));
    expect(shown).not.toMatch(/Buffer|00 01 02 03/);
  });

  it('is generated at random', () => {
    const texts = Array.from({ length: 100 }, () => MasterKey.generateText());
    expect(new Set(texts).size).toBe(100);
    expect(texts.every((text) => /^[0-9a-f]{64}$/.test(text))).toBe(true);
  });
});

function messageOf(text: string): string {
  try {
    MasterKey.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}
