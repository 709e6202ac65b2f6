import { describe, expect, it } from '@jest/globals';
import { deriveKey } from './key-derivation.js';
import { masterKeyOf } from './master-key.js';

describe('deriving a key from a password', () => {
  it('is scrypt, whose first 32 bytes encrypt and whose others authenticate', async () => {
    // RFC 7914, section 12.
    const expected = Buffer.from(
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162' +
        '2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
      'hex',
    );
    const key = await deriveKey('password', Buffer.from('NaCl'), { n: 1024, r: 8, p: 16 }, 'key');
    expect(key).toEqual(masterKeyOf(expected));
    expect(Buffer.from(key.encryptionKey)).toEqual(expected.subarray(0, 32));
    expect(Buffer.from(key.macK)).toEqual(expected.subarray(32, 48));
  });

  it.each([
    { n: 2 ** 30, r: 8, p: 1 },
    { n: 2 ** 20, r: 8, p: 1 },
    { n: 2 ** 15, r: 8, p: 1_000 },
    { n: 2 ** 15, r: 2 ** 20, p: 1 },
    { n: 2, r: 1, p: 2 ** 29 },
    { n: 1, r: 8, p: 1 },
    { n: 1_000, r: 8, p: 1 },
    { n: 2 ** 15, r: 0, p: 1 },
    { n: 2 ** 15, r: 8, p: -1 },
    { n: 2 ** 15, r: 8.5, p: 1 },
    { n: NaN, r: 8, p: 1 },
    { n: Infinity, r: 8, p: 1 },
  ])('refuses the cost $n, $r, $p before it works', async (cost) => {
    await expect(deriveKey('password', Buffer.alloc(64), cost, 'key')).rejects.toMatchObject({
      code: 'unsupported_repository',
    });
  });

  it('takes the most that restic would choose', async () => {
    await expect(deriveKey('x', Buffer.alloc(64), { n: 2 ** 16, r: 8, p: 2 }, 'key')).resolves.toBeDefined();
  });
});
