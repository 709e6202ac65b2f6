import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { EnvelopeError } from './envelope.js';
import { KeyRing, keyCheckOpens, makeKeyCheck, newDataKey, wrapDataKey } from './key-ring.js';
import { MasterKey } from './master-key.js';

const installationId = randomUUID();
const first = MasterKey.parse(MasterKey.generateText());
const second = MasterKey.parse(MasterKey.generateText());
const row = { id: randomUUID(), userId: 5 };

describe('a key ring', () => {
  it('unwraps what each of its keys wrapped', () => {
    const ring = new KeyRing([second, first]);
    for (const key of [first, second]) {
      const dataKey = newDataKey();
      const wrapped = wrapDataKey(installationId, key, row, dataKey);
      expect(wrapped.kekId).toBe(key.id);
      expect(ring.unwrap(installationId, wrapped)).toEqual(dataKey);
    }
  });

  it('does not unwrap what another key wrapped', () => {
    const wrapped = wrapDataKey(installationId, first, row, newDataKey());
    expect(() => new KeyRing([second]).unwrap(installationId, wrapped)).toThrow(EnvelopeError);
  });

  it.each([
    ['user', { userId: 6 }],
    ['row', { id: randomUUID() }],
    ['master key', { kekId: second.id }],
  ])('does not unwrap a data key that was moved to another %s', (_, moved) => {
    const ring = new KeyRing([first, second]);
    const wrapped = wrapDataKey(installationId, first, row, newDataKey());
    expect(() => ring.unwrap(installationId, { ...wrapped, ...moved })).toThrow(EnvelopeError);
    expect(() => ring.unwrap(randomUUID(), wrapped)).toThrow(EnvelopeError);
  });

  it('makes data keys of 256 random bits', () => {
    const keys = Array.from({ length: 1_000 }, () => newDataKey().toString('hex'));
    expect(new Set(keys).size).toBe(1_000);
    expect(keys[0]).toHaveLength(64);
  });
});

describe('the key check', () => {
  it('opens with its key in its installation only', () => {
    const check = makeKeyCheck(installationId, first);
    expect(keyCheckOpens(installationId, first, check)).toBe(true);
    expect(keyCheckOpens(installationId, second, check)).toBe(false);
    expect(keyCheckOpens(randomUUID(), first, check)).toBe(false);
    expect(keyCheckOpens(installationId, first, 'nonsense')).toBe(false);
  });
});
