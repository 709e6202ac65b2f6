import { describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { hashOfKey, KEY_KINDS, kindOfKey, newApiKey } from './api-key-format.js';

describe('API key format', () => {
  it.each(KEY_KINDS)('makes %s keys that are recognized as such', (kind) => {
    const key = newApiKey(kind);
    expect(key).toMatch(new RegExp(`^stw_${kind}_[0-9A-Za-z]{36}$`));
    expect(kindOfKey(key)).toBe(kind);
  });

  it('ends in the CRC32 of all before it, in base 62', () => {
    const key = newApiKey('user');
    const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    const written = [...key.slice(-6)].reduce((sum, digit) => sum * 62 + alphabet.indexOf(digit), 0);
    expect(written).toBe(crc32(key.slice(0, -6)));
  });

  it('stays the same for keys that were given out', () => {
    expect(kindOfKey('stw_user_000000000000000000000000000000' + '02R5ri')).toBe('user');
  });

  it('notices every single wrong character', () => {
    const key = newApiKey('admin');
    for (let position = 'stw_admin_'.length; position < key.length; position++) {
      const other = key[position] === 'x' ? 'y' : 'x';
      expect(kindOfKey(key.slice(0, position) + other + key.slice(position + 1))).toBeUndefined();
    }
  });

  it('does not take the key of one kind for another', () => {
    expect(kindOfKey(newApiKey('user').replace('_user_', '_admin_'))).toBeUndefined();
  });

  it('makes no key twice and uses every character equally often', () => {
    const keys = Array.from({ length: 5_000 }, () => newApiKey('agent'));
    expect(new Set(keys).size).toBe(keys.length);
    const counts = new Map<string, number>();
    for (const key of keys) {
      for (const char of key.slice('stw_agent_'.length, -6)) counts.set(char, (counts.get(char) ?? 0) + 1);
    }
    const expected = (5_000 * 30) / 62;
    expect(counts.size).toBe(62);
    // Twelve standard deviations: a biased alphabet fails, chance does not.
    for (const count of counts.values())
      expect(Math.abs(count - expected)).toBeLessThan(12 * Math.sqrt(expected));
  });

  const key = newApiKey('user');
  it.each([
    ['nothing', ''],
    ['a word', 'Bearer'],
    ['one character less', key.slice(0, -1)],
    ['one character more', `${key}0`],
    ['a space behind', `${key} `],
    ['a newline behind', `${key}\n`],
    ['a NUL behind', `${key}\0`],
    ['a space before', ` ${key}`],
    ['a key twice', key + key],
    ['other letter case', key.toUpperCase()],
    ['letters outside of ASCII', key.replace(/.$/, 'é')],
    ['full-width digits', key.replace(/.$/, '\uff10')],
    ['an unknown kind', key.replace('_user_', '_root_')],
    ['no prefix', key.slice(4)],
    ['a megabyte', 'stw_user_' + 'A'.repeat(1_000_000)],
  ])('refuses %s', (_, text) => {
    expect(kindOfKey(text)).toBeUndefined();
  });

  it('hashes to 32 bytes', () => {
    expect(hashOfKey('abc').toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
