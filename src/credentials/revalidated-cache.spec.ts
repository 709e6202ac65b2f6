import { beforeEach, describe, expect, it } from '@jest/globals';
import { RevalidatedCache } from './revalidated-cache.js';

describe('a revalidated cache', () => {
  let nowMs: number;
  let stamp: string;
  let questions: number;
  let loads: number;
  let cache: RevalidatedCache<number, string>;
  /** While set, questions wait for it. */
  let gate: Promise<void> | undefined;

  beforeEach(() => {
    nowMs = 1_000_000;
    stamp = 'v1';
    questions = loads = 0;
    gate = undefined;
    cache = new RevalidatedCache<number, string>({
      maxEntries: 2,
      freshMs: 1_000,
      now: () => nowMs,
      stampOf: async () => {
        questions += 1;
        const answer = stamp;
        await gate;
        return answer;
      },
      load: async (key) => {
        loads += 1;
        return `${key} ${stamp}`;
      },
    });
  });

  it('asks nothing while a value is fresh', async () => {
    await cache.get(1);
    nowMs += 999;
    for (let call = 0; call < 1_000; call += 1) expect(await cache.get(1)).toBe('1 v1');
    expect({ questions, loads }).toEqual({ questions: 1, loads: 1 });
  });

  it('asks once when a value is old, however many wait, and loads nothing that did not change', async () => {
    await cache.get(1);
    nowMs += 1_000;
    await Promise.all(Array.from({ length: 100 }, () => cache.get(1)));
    expect({ questions, loads }).toEqual({ questions: 2, loads: 1 });
  });

  it('loads what changed', async () => {
    await cache.get(1);
    stamp = 'v2';
    nowMs += 1_000;
    expect(await cache.get(1)).toBe('1 v2');
    expect(loads).toBe(2);
  });

  it('loads once for all who ask for the first time together', async () => {
    const values = await Promise.all(Array.from({ length: 50 }, () => cache.get(7)));
    expect(new Set(values)).toEqual(new Set(['7 v1']));
    expect({ questions, loads }).toEqual({ questions: 1, loads: 1 });
  });

  it('forgets at once', async () => {
    await cache.get(1);
    stamp = 'v2';
    cache.forget(1);
    expect(await cache.get(1)).toBe('1 v2');
  });

  it('does not remember what was being loaded when it was told to forget', async () => {
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    const early = cache.get(1);
    stamp = 'v2';
    cache.forget(1);
    const late = cache.get(1);
    open();
    await early;
    expect(await late).toBe('1 v2');
    expect(await cache.get(1)).toBe('1 v2');
    expect(questions).toBe(2);
  });

  it('hands out nothing old when the question fails, and asks again', async () => {
    await cache.get(1);
    nowMs += 1_000;
    gate = Promise.reject(new Error('database is away'));
    await expect(cache.get(1)).rejects.toThrow('database is away');
    gate = undefined;
    expect(await cache.get(1)).toBe('1 v1');
  });

  it('keeps a bounded number of values', async () => {
    for (const key of [1, 2, 3]) await cache.get(key);
    expect(cache.keys().sort()).toEqual([2, 3]);
  });
});
