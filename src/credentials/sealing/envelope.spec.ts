import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  EnvelopeError,
  envelopeKeyIds,
  openEnvelope,
  relabelEnvelope,
  sealEnvelope,
  type SealedPlace,
} from './envelope.js';

const key = randomBytes(32);
const ids = { kekId: 'a1b2c3d4', dekId: randomUUID() };
const place: SealedPlace = {
  purpose: 'cfg',
  installationId: randomUUID(),
  userId: 7,
  rowId: 12,
  field: 'encrypted_config',
  version: 3,
};
const secret = Buffer.from('{"application_key":"K004 secret \u{1f511}"}');

describe('a sealed value', () => {
  it('opens in its own place', () => {
    expect(openEnvelope(key, sealEnvelope(key, ids, place, secret), place)).toEqual(secret);
  });

  it('has the documented form', () => {
    const bytes = Buffer.from(sealEnvelope(key, ids, place, secret), 'base64');
    expect(bytes.subarray(0, 2).toString('ascii')).toBe('v1');
    expect(bytes.subarray(2, 6).toString('hex')).toBe(ids.kekId);
    expect(bytes.subarray(6, 22).toString('hex')).toBe(ids.dekId.replaceAll('-', ''));
    expect(bytes).toHaveLength(22 + 12 + secret.length + 16);
  });

  it('names its keys without being opened', () => {
    expect(envelopeKeyIds(sealEnvelope(key, ids, place, secret))).toEqual(ids);
  });

  it('may be empty', () => {
    const text = sealEnvelope(key, ids, place, Buffer.alloc(0));
    expect(openEnvelope(key, text, place)).toHaveLength(0);
  });

  it('stays openable under the name of another master key', () => {
    const text = relabelEnvelope(sealEnvelope(key, ids, place, secret), '00ff00ff');
    expect(envelopeKeyIds(text)).toEqual({ kekId: '00ff00ff', dekId: ids.dekId });
    expect(openEnvelope(key, text, place)).toEqual(secret);
  });

  it.each<[string, Partial<SealedPlace>]>([
    ['another purpose', { purpose: 'dek' }],
    ['another installation', { installationId: randomUUID() }],
    ['another user', { userId: 8 }],
    ['another row', { rowId: 13 }],
    ['another field', { field: 'wrapped_key' }],
    ['another version', { version: 4 }],
    ['a user and row that look alike side by side', { userId: 71, rowId: 2 }],
  ])('does not open in %s', (_, moved) => {
    const text = sealEnvelope(key, ids, place, secret);
    expect(() => openEnvelope(key, text, { ...place, ...moved })).toThrow(EnvelopeError);
  });

  it('does not open with another key', () => {
    const text = sealEnvelope(key, ids, place, secret);
    expect(() => openEnvelope(randomBytes(32), text, place)).toThrow(EnvelopeError);
  });

  it('does not open after any one bit of format, nonce, ciphertext or tag was turned', () => {
    const bytes = Buffer.from(sealEnvelope(key, ids, place, secret), 'base64');
    const authenticated = [0, 1, ...range(22, bytes.length)];
    for (const index of authenticated) {
      for (const bit of range(0, 8)) {
        const forged = Buffer.from(bytes);
        forged[index] = forged[index]! ^ (1 << bit);
        expect(() => openEnvelope(key, forged.toString('base64'), place)).toThrow(EnvelopeError);
      }
    }
  });

  it('does not open when truncated or extended at any length', () => {
    const bytes = Buffer.from(sealEnvelope(key, ids, place, secret), 'base64');
    for (const length of range(0, bytes.length)) {
      const text = bytes.subarray(0, length).toString('base64');
      expect(() => openEnvelope(key, text, place)).toThrow(EnvelopeError);
    }
    const longer = Buffer.concat([bytes, Buffer.from([0])]).toString('base64');
    expect(() => openEnvelope(key, longer, place)).toThrow(EnvelopeError);
  });

  it('is refused in any other spelling of the same bytes', () => {
    const text = sealEnvelope(key, ids, place, secret);
    for (const other of [
      `${text}\n`,
      ` ${text}`,
      `${text}=`,
      text.replaceAll('+', '-').replaceAll('/', '_') + '.',
    ]) {
      expect(() => openEnvelope(key, other, place)).toThrow(EnvelopeError);
    }
  });

  it('is refused for whatever text is not one', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(() => openEnvelope(key, text, place)).toThrow(EnvelopeError);
      }),
      { seed: 20261122 },
    );
  });

  it('tells nothing about why it does not open', () => {
    const text = sealEnvelope(key, ids, place, secret);
    const messages = [
      () => openEnvelope(randomBytes(32), text, place),
      () => openEnvelope(key, text.slice(0, -8), place),
      () => openEnvelope(key, text, { ...place, userId: 99 }),
    ].map((open) => messageOf(open));
    expect(new Set(messages)).toEqual(new Set(['The sealed value cannot be decrypted.']));
  });

  it('never repeats a nonce', () => {
    const nonces = range(0, 6_000).map(() =>
      Buffer.from(sealEnvelope(key, ids, place, Buffer.from('x')), 'base64')
        .subarray(22, 34)
        .toString('hex'),
    );
    expect(new Set(nonces).size).toBe(nonces.length);
  });
});

describe('a place', () => {
  it('may not hold the separator, so that two places never look alike', () => {
    expect(() => sealEnvelope(key, ids, { ...place, field: 'a|1' }, secret)).toThrow(TypeError);
    expect(() => sealEnvelope(key, ids, { ...place, rowId: '' }, secret)).toThrow(TypeError);
  });

  it('needs well-formed key ids', () => {
    expect(() => sealEnvelope(key, { ...ids, kekId: 'abc' }, place, secret)).toThrow(TypeError);
    expect(() => sealEnvelope(key, { ...ids, dekId: 'no-uuid' }, place, secret)).toThrow(TypeError);
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it opened');
}
