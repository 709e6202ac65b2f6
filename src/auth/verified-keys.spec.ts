import { beforeEach, describe, expect, it } from '@jest/globals';
import { hashOfKey } from './api-key-format.js';
import { type VerifiedKey, VerifiedKeys } from './verified-keys.js';

const HASH = hashOfKey('one');
const key: VerifiedKey = {
  principal: { userId: 1, apiKeyId: 'k', scopes: ['user'] },
  expiresAtMs: undefined,
};

describe('verified keys', () => {
  let nowMs: number;
  let lookUps: PromiseWithResolvers<VerifiedKey | undefined>[];
  let keys: VerifiedKeys;

  beforeEach(() => {
    nowMs = 1_000_000;
    lookUps = [];
    keys = new VerifiedKeys(
      () => {
        const lookUp = Promise.withResolvers<VerifiedKey | undefined>();
        lookUps.push(lookUp);
        return lookUp.promise;
      },
      () => nowMs,
    );
  });

  async function findAndAnswer(answer: VerifiedKey | undefined): Promise<VerifiedKey | undefined> {
    const found = keys.find(HASH);
    lookUps.at(-1)!.resolve(answer);
    return found;
  }

  it('are looked up once a second, however often they are used', async () => {
    await findAndAnswer(key);
    for (nowMs += 1; nowMs < 1_001_000; nowMs += 1) expect(await keys.find(HASH)).toBe(key);
    expect(lookUps).toHaveLength(1);
    await findAndAnswer(key);
    expect(lookUps).toHaveLength(2);
  });

  it('are as old as the question, not as the answer', async () => {
    const found = keys.find(HASH);
    nowMs += 900;
    lookUps[0]!.resolve(key);
    await found;
    nowMs += 100;
    void keys.find(HASH);
    expect(lookUps).toHaveLength(2);
    lookUps[1]!.resolve(key);
  });

  it('share one look-up when many ask at the same time', async () => {
    const found = Array.from({ length: 64 }, async () => keys.find(HASH));
    lookUps[0]!.resolve(key);
    expect(new Set(await Promise.all(found))).toEqual(new Set([key]));
    expect(lookUps).toHaveLength(1);
  });

  it('are asked for again after a revocation, also when an answer was under way', async () => {
    const before = keys.find(HASH);
    keys.forgetAll();
    const after = keys.find(HASH);
    expect(lookUps).toHaveLength(2);
    lookUps[1]!.resolve(undefined);
    expect(await after).toBeUndefined();
    lookUps[0]!.resolve(key);
    await before;
    expect(await findAndAnswer(undefined)).toBeUndefined();
    expect(lookUps).toHaveLength(3);
  });

  it('that are unknown are asked for each time', async () => {
    expect(await findAndAnswer(undefined)).toBeUndefined();
    expect(await findAndAnswer(undefined)).toBeUndefined();
    expect(lookUps).toHaveLength(2);
  });

  it('are asked for again after the database failed', async () => {
    const found = keys.find(HASH);
    lookUps[0]!.reject(new Error('away'));
    await expect(found).rejects.toThrow('away');
    expect(await findAndAnswer(key)).toBe(key);
  });
});
