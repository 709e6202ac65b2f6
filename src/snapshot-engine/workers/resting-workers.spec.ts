import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { InlineWorkers } from '../../snapshot-engine/index.js';
import { RestingWorkers } from './resting-workers.js';

class CountedWorkers extends InlineWorkers {
  closed = 0;

  constructor() {
    super({ echo: () => ({ say: (text: string) => text }) as never });
  }

  override async close(): Promise<void> {
    this.closed += 1;
  }
}

describe('workers that rest', () => {
  function resting() {
    const started: CountedWorkers[] = [];
    let idle = 0;
    const workers = new RestingWorkers({
      threads: 1,
      start: () => {
        started.push(new CountedWorkers());
        return started.at(-1)!;
      },
      onIdle: () => void (idle += 1),
      restMs: 60,
      idleMs: 10,
    });
    return { workers, started, idles: () => idle };
  }

  it('start when they are needed, stay while they are used, and end after a while', async () => {
    const { workers, started, idles } = resting();
    expect(started).toHaveLength(0);
    const [first] = await workers.open('echo', undefined);
    const [second] = await workers.open('echo', undefined);
    expect(await first!.call('say', 'hello')).toBe('hello');
    await first!.close();
    await sleep(100);
    expect([started.length, started[0]!.closed, idles()]).toEqual([1, 0, 0]);
    await second!.close();
    await sleep(30);
    expect([started[0]!.closed, idles()]).toEqual([0, 1]);
    await sleep(80);
    expect([started[0]!.closed, idles()]).toEqual([1, 2]);
    await (await workers.open('echo', undefined))[0]!.close();
    expect(started).toHaveLength(2);
    await workers.close();
    expect(started[1]!.closed).toBe(1);
  });

  it('that cannot open a service are replaced', async () => {
    const { workers, started } = resting();
    await expect(workers.open('unknown', undefined)).rejects.toThrow('unknown');
    await workers.open('echo', undefined);
    expect(started.map(({ closed }) => closed)).toEqual([1, 0]);
    await workers.close();
  });
});
