import { describe, expect, it } from '@jest/globals';
import { ProgressMeter, type ProgressCounts } from './progress-meter.js';
import type { Progress } from './progress.js';
import { startRun } from './run.js';

function counts(bytesDone: number, more: Partial<ProgressCounts> = {}): ProgressCounts {
  return {
    phase: 'read',
    filesDone: 0,
    filesTotal: undefined,
    bytesDone,
    bytesTotal: undefined,
    currentFile: undefined,
    ...more,
  };
}

function meter(intervalMs?: number) {
  const told: Progress[] = [];
  const clock = { ms: 1_000 };
  const progressMeter = new ProgressMeter((progress) => told.push(progress), {
    nowMs: () => clock.ms,
    intervalMs,
  });
  return { told, clock, meter: progressMeter };
}

describe('a progress meter', () => {
  it('tells a few looks a second, and the last one', () => {
    const { told, clock, meter: progress } = meter(250);
    for (let i = 0; i <= 999; i++, clock.ms += 1) progress.update(counts(i));
    progress.finish();
    expect(told.map(({ bytesDone }) => bytesDone)).toEqual([0, 250, 500, 750, 999]);
  });

  it('tells a new phase at once', () => {
    const { told, meter: progress } = meter();
    progress.update(counts(1));
    progress.update(counts(2));
    progress.update(counts(2, { phase: 'write' }));
    expect(told.map(({ phase }) => phase)).toEqual(['read', 'write']);
  });

  it('knows the speed of the last seconds and the time that is left', () => {
    const { told, clock, meter: progress } = meter();
    const total = { bytesTotal: 20_000 };
    for (let second = 0; second <= 10; second++, clock.ms += 1_000)
      progress.update(counts(second * 100, total));
    expect(told.at(-1)).toMatchObject({ bytesPerSecond: 100, remainingMs: 190_000 });
    // Ten times as fast; after the window nothing is left of the past.
    for (let second = 1; second <= 6; second++, clock.ms += 1_000)
      progress.update(counts(1_000 + second * 1_000, total));
    expect(told.at(-1)).toMatchObject({ bytesPerSecond: 1_000, remainingMs: 13_000 });
  });

  it('promises no time where nothing moves or no end is known', () => {
    const { told, clock, meter: progress } = meter();
    progress.update(counts(5));
    clock.ms += 1_000;
    progress.update(counts(5, { bytesTotal: 10 }));
    clock.ms += 1_000;
    progress.update(counts(10, { bytesTotal: 10 }));
    expect(told.map(({ remainingMs }) => remainingMs)).toEqual([undefined, undefined, 0]);
  });

  it('never lets counts fall', () => {
    const { told, clock, meter: progress } = meter();
    progress.update(counts(100, { filesDone: 3, bytesTotal: 500 }));
    clock.ms += 1_000;
    progress.update(counts(50, { filesDone: 4, bytesTotal: undefined }));
    expect(told.at(-1)).toMatchObject({ bytesDone: 100, filesDone: 4, bytesTotal: 500, bytesPerSecond: 0 });
  });

  it('does nothing for nobody', () => {
    const progress = new ProgressMeter(undefined, {
      nowMs: () => {
        throw new Error('looked at the clock');
      },
    });
    progress.update(counts(1));
    progress.finish();
  });
});

describe('a run', () => {
  const look = (bytesDone: number): Progress => ({
    ...counts(bytesDone),
    bytesPerSecond: 0,
    remainingMs: undefined,
  });

  it('answers its result and ends its progress', async () => {
    const { result, progress } = startRun(async (listener) => {
      listener(look(1));
      await Promise.resolve();
      return 7;
    });
    const seen: number[] = [];
    for await (const { bytesDone } of progress) seen.push(bytesDone);
    expect(seen).toEqual([1]);
    await expect(result).resolves.toBe(7);
  });

  it('shows a slow reader the latest look only, and every reader the last', async () => {
    const step = Promise.withResolvers<void>();
    const { result, progress } = startRun(async (listener) => {
      for (let i = 1; i <= 1_000; i++) listener(look(i));
      await step.promise;
      for (let i = 1_001; i <= 2_000; i++) listener(look(i));
    });
    const read = async () => {
      const seen: number[] = [];
      for await (const { bytesDone } of progress) {
        seen.push(bytesDone);
        step.resolve();
      }
      return seen;
    };
    const [first, second] = await Promise.all([read(), read()]);
    await result;
    expect(first).toEqual([1_000, 2_000]);
    expect(second.at(-1)).toBe(2_000);
    expect(await read()).toEqual([2_000]);
  });

  it('fails where its result is awaited, and only there', async () => {
    const { result, progress } = startRun(async (listener) => {
      listener(look(1));
      throw new Error('failed');
    });
    const seen: Progress[] = [];
    for await (const each of progress) seen.push(each);
    expect(seen).toHaveLength(1);
    await expect(result).rejects.toThrow('failed');
  });
});
