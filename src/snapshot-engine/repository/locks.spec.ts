import { describe, expect, it } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { acquireLock, LOCK_TIMINGS, removeStaleLocks, withLock, type LockOptions } from './locks.js';
import { Repository } from './repository.js';

const MINUTE_MS = 60_000;
const START_MS = Date.parse('2026-11-22T10:00:00Z');
const ours = { hostname: 'ours', username: 'us', pid: 1 };
const theirs = { hostname: 'theirs', username: 'them', pid: 2 };

describe('locks', () => {
  it('let many append and one alone remove', async () => {
    const { repository, options } = await fixture();
    const first = await acquireLock(repository, options('append'));
    const second = await acquireLock(repository, options('append'));
    await expect(acquireLock(repository, options('exclusive'))).rejects.toMatchObject({
      code: 'repository_locked',
      message: expect.stringContaining('us on ours (process 1) since 2026-11-22T10:00:00.000Z'),
    });
    await Promise.all([first.release(), second.release()]);
    const alone = await acquireLock(repository, options('exclusive'));
    await expect(acquireLock(repository, options('append'))).rejects.toThrow('locked exclusively by us');
    await alone.release();
    expect(await lockIds(repository)).toEqual([]);
  });

  it('let at most one of two through that come at the same time', async () => {
    const { repository, options } = await fixture();
    const taken = await Promise.allSettled([
      acquireLock(repository, options('exclusive')),
      acquireLock(repository, options('exclusive')),
    ]);
    const held = taken.filter(({ status }) => status === 'fulfilled');
    expect(held.length).toBeLessThanOrEqual(1);
    expect(await lockIds(repository)).toHaveLength(held.length);
  });

  it('are released when the work ends, well or badly', async () => {
    const { repository, options } = await fixture();
    expect(await withLock(repository, options('exclusive'), async () => 7)).toBe(7);
    const failure = new Error('work');
    const work = withLock(repository, options('exclusive'), () => Promise.reject(failure));
    await expect(work).rejects.toBe(failure);
    expect(await lockIds(repository)).toEqual([]);
  });

  it('do not count when nobody has refreshed them for half an hour, by both clocks', async () => {
    const { repository, options, clock } = await fixture();
    await saveLock(repository, clock.ms);
    clock.ms += 29 * MINUTE_MS;
    await expect(acquireLock(repository, options('append'))).rejects.toThrow('them on theirs');
    expect(await removeStaleLocks(repository, options('append'))).toBe(0);
    clock.ms += 2 * MINUTE_MS;
    await (await acquireLock(repository, options('exclusive'))).release();
    expect(await removeStaleLocks(repository, options('append'))).toBe(1);
    // A holder whose clock is an hour slow.
    await saveLock(repository, clock.ms - 60 * MINUTE_MS);
    await expect(acquireLock(repository, options('append'))).rejects.toThrow('them on theirs');
  });

  it('count when they cannot be read, until they are old', async () => {
    const { repository, options, clock, store } = await fixture();
    store.put('lock', 'a'.repeat(64), Buffer.from('torn'), new Date(clock.ms));
    await expect(acquireLock(repository, options('append'))).rejects.toThrow('cannot be read');
    clock.ms += 31 * MINUTE_MS;
    await (await acquireLock(repository, options('append'))).release();
  });

  it('are refreshed while they are held, and leave no older file behind', async () => {
    const { repository, options, clock } = await fixture();
    const lock = await acquireLock(repository, options('append', { refreshMs: 20 }));
    const [first] = await lockIds(repository);
    clock.ms += MINUTE_MS;
    await eventually(async () => (await lockIds(repository)).every((id) => id !== first));
    const now = JSON.parse(
      (await repository.loadFile('lock', (await lockIds(repository)).at(-1)!)).toString(),
    );
    expect(Date.parse(now.time)).toBe(clock.ms);
    await lock.release();
    expect(await lockIds(repository)).toEqual([]);
    await wait(50);
    expect(await lockIds(repository)).toEqual([]);
  });

  it('stop the work when they could not be refreshed or were removed', async () => {
    const slept = await fixture();
    const late = await acquireLock(slept.repository, slept.options('append', { refreshMs: 20 }));
    slept.clock.ms += 21 * MINUTE_MS;
    await eventually(async () => late.signal.aborted);
    expect(late.signal.reason).toMatchObject({ code: 'repository_locked' });

    const removed = await fixture();
    const gone = await acquireLock(removed.repository, removed.options('append', { refreshMs: 20 }));
    for (const id of await lockIds(removed.repository)) await removed.repository.files.remove('lock', id);
    await eventually(async () => gone.signal.aborted);
    await gone.release();
  });

  it('give up reading when there are too many', async () => {
    const { repository, options, store, clock } = await fixture();
    for (let at = 0; at < 101; at += 1)
      store.put('lock', at.toString(16).padStart(64, '0'), Buffer.of(1), new Date(clock.ms - 60 * MINUTE_MS));
    await expect(acquireLock(repository, options('append'))).rejects.toThrow('more than 100 locks');
    expect(await removeStaleLocks(repository, options('append'))).toBe(101);
    await (await acquireLock(repository, options('append'))).release();
  });
});

async function fixture() {
  const clock = { ms: START_MS };
  const store = new MemoryRepositoryStore();
  const files = new MemoryRepositoryFiles(store, { now: () => clock.ms });
  const now = () => clock.ms;
  const repository = await Repository.create(files, {
    password: 'p',
    now,
    scryptCost: { n: 2, r: 1, p: 1 },
  });
  const options = (mode: LockOptions['mode'], timings: { refreshMs?: number } = {}): LockOptions => ({
    mode,
    holder: ours,
    now,
    timings: { ...LOCK_TIMINGS, checkWaitMs: 5, ...timings },
  });
  return { repository, store, clock, options };
}

async function saveLock(repository: Repository, timeMs: number): Promise<void> {
  const time = new Date(timeMs).toISOString();
  await repository.saveFile('lock', JSON.stringify({ time, exclusive: true, ...theirs }));
}

async function lockIds(repository: Repository): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of repository.files.list('lock')) ids.push(id);
  return ids;
}

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries += 1) {
    if (tries > 300) throw new Error('It did not come about.');
    await wait(10);
  }
}
