import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isRepositoryError } from '../errors/repository-error.js';
import { BlobCipher, SEALED_OVERHEAD_BYTES } from './blob-cipher.js';
import { createMasterKey, encodeMasterKey, parseMasterKey } from './master-key.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const zeros = (sizeBytes: number) => new Uint8Array(sizeBytes);

describe('BlobCipher', () => {
  // Daniel J. Bernstein, "The Poly1305-AES message-authentication code", appendix B.
  it.each([
    {
      message: 'f3f6',
      r: '851fc40c3467ac0be05cc20404f3f700',
      k: 'ec074c835580741701425b623235add6',
      nonce: 'fb447350c4e868c52ac3275cf9d4327e',
      tag: 'f4c633c3044fc145f84f335cb81953de',
    },
    {
      message: '',
      r: 'a0f3080000f46400d0c7e9076c834403',
      k: '75deaa25c09f208e1dc4ce6b5cad3fbf',
      nonce: '61ee09218d29b0aaed7e154a2c5509cc',
      tag: 'dd3fab2251f11ac759f0887129cc2ee7',
    },
    {
      message: '663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136',
      r: '48443d0bb0d21109c89a100b5ce2c208',
      k: '6acb5f61a7176dd320c5c1eb2edcdc74',
      nonce: 'ae212a55399729595dea458bc621ff0e',
      tag: '0ee1c16bb73f0f4fd19881753c01cdbe',
    },
    {
      message:
        'ab0812724a7f1e342742cbed374d94d136c6b8795d45b3819830f2c04491faf0' +
        '990c62e48b8018b2c3e4a0fa3134cb67fa83e158c994d961c4cb21095c1bf9',
      r: '12976a08c4426d0ce8a82407c4f48207',
      k: 'e1a5668a4d5b66a5f68cc5424ed5982d',
      nonce: '9ae831e743978d3a23527c7128149e3a',
      tag: '5154ad0d2cb26e01274fc51148491f1b',
    },
  ])('authenticates by Poly1305-AES: $tag', ({ message, r, k, nonce, tag }) => {
    const cipher = new BlobCipher({ encryptionKey: zeros(32), macK: hex(k), macR: hex(r) });
    const sealed = hex(nonce + message + tag);
    expect(cipher.open(sealed, 'it')).toHaveLength(message.length / 2);
    for (let at = 16; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed);
      altered[at]! ^= 1;
      expect(() => cipher.open(altered, 'it')).toThrow('it is damaged');
    }
  });

  it('encrypts by AES-256 in counter mode', () => {
    // NIST SP 800-38A, F.5.5.
    const encryptionKey = hex('603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4');
    const counter = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
    const plaintext = hex('6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51');
    const ciphertext = hex('601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5');
    // With r = 0 the tag of anything is AES-128_k of the nonce.
    const macK = hex('000102030405060708090a0b0c0d0e0f');
    const tag = hex('66a7c7e8345231489751de073316adad');
    const cipher = new BlobCipher({ encryptionKey, macK, macR: zeros(16) });
    expect(cipher.open(Buffer.concat([counter, ciphertext, tag]), 'it')).toEqual(plaintext);
  });

  it('opens what it has sealed and nothing that was altered, cut or lengthened', () => {
    const cipher = new BlobCipher(createMasterKey());
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat(), fc.nat(7), (plaintext, place, bit) => {
        const sealed = cipher.seal(plaintext);
        expect(sealed).toHaveLength(plaintext.length + SEALED_OVERHEAD_BYTES);
        expect(cipher.open(sealed, 'it').compare(plaintext)).toBe(0);
        const altered = Buffer.from(sealed);
        altered[place % sealed.length]! ^= 1 << bit;
        for (const wrong of [
          altered,
          sealed.subarray(1),
          sealed.subarray(0, -1),
          Buffer.concat([sealed, zeros(1)]),
        ])
          expect(() => cipher.open(wrong, 'it')).toThrow('it is damaged');
      }),
    );
  });

  it('seals into the middle of a larger buffer and nowhere else', () => {
    const cipher = new BlobCipher(createMasterKey());
    const target = Buffer.alloc(100, 7);
    expect(cipher.sealInto(Buffer.from('text'), target, 10)).toBe(36);
    expect(cipher.open(target.subarray(10, 46), 'it').toString()).toBe('text');
    expect(Buffer.concat([target.subarray(0, 10), target.subarray(46)])).toEqual(Buffer.alloc(64, 7));
    expect(() => cipher.sealInto(Buffer.alloc(59), target, 10)).toThrow(RangeError);
  });

  it('never uses an IV twice', () => {
    const cipher = new BlobCipher(createMasterKey());
    const ivs = new Set<string>();
    for (let at = 0; at < 5_000; at += 1) ivs.add(cipher.seal(zeros(0)).toString('hex', 0, 16));
    expect(ivs.size).toBe(5_000);
  });

  it('does not open with any other key', () => {
    const key = createMasterKey();
    const sealed = new BlobCipher(key).seal(Buffer.from('text'));
    const other = createMasterKey();
    for (const part of ['macK', 'macR'] as const)
      expect(() => new BlobCipher({ ...key, [part]: other[part] }).open(sealed, 'it')).toThrow('tag');
  });
});

describe('a master key', () => {
  it('survives its JSON, which is the one of restic', () => {
    const key = createMasterKey();
    const json = encodeMasterKey(key);
    expect(JSON.parse(json.toString())).toEqual({
      mac: { k: Buffer.from(key.macK).toString('base64'), r: Buffer.from(key.macR).toString('base64') },
      encrypt: Buffer.from(key.encryptionKey).toString('base64'),
    });
    expect(parseMasterKey(json, 'key')).toEqual(key);
  });

  it('has an r without the bits that Poly1305 ignores', () => {
    const all = Buffer.alloc(32, 255).toString('base64');
    const ones = Buffer.alloc(16, 255).toString('base64');
    const json = JSON.stringify({ mac: { k: ones, r: ones }, encrypt: all });
    expect(Buffer.from(parseMasterKey(Buffer.from(json), 'key').macR).toString('hex')).toBe(
      'ffffff0ffcffff0ffcffff0ffcffff0f',
    );
  });

  it('is refused when a part is missing, short or zero, and never quoted', () => {
    const { mac, encrypt } = JSON.parse(encodeMasterKey(createMasterKey()).toString());
    const zero = Buffer.alloc(16).toString('base64');
    const wrong = [
      'secret{',
      'null',
      '[]',
      '{}',
      { mac, encrypt: mac.k },
      { mac: { ...mac, k: zero }, encrypt },
      { mac: { k: mac.k }, encrypt },
      { mac: 7, encrypt },
      { mac, encrypt: 7 },
    ];
    for (const each of wrong) {
      const json = Buffer.from(typeof each === 'string' ? each : JSON.stringify(each));
      const failure = failureOf(() => parseMasterKey(json, 'key'));
      expect(isRepositoryError(failure, 'damaged_repository')).toBe(true);
      expect(String(failure)).not.toMatch(new RegExp(`secret|${mac.k.slice(0, 8).replaceAll(/[+/]/g, '.')}`));
    }
  });
});

function failureOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}
