import { describe, expect, it } from '@jest/globals';
import { LoopPacer } from './loop-pacer.js';

describe('LoopPacer', () => {
  it('gives each turn of the event loop to one of the tasks that share it', async () => {
    const pacer = new LoopPacer();
    let turn = 0;
    let isCounting = true;
    const count = () => {
      turn += 1;
      if (isCounting) setImmediate(count);
    };
    setImmediate(count);
    const turns: number[] = [];
    const task = async () => {
      for (let step = 0; step < 5; step += 1) {
        await pacer.rest();
        turns.push(turn);
      }
    };
    await Promise.all([task(), task(), task()]);
    isCounting = false;
    expect(turns).toHaveLength(15);
    expect(new Set(turns).size).toBe(15);
  });

  it('is due after some milliseconds and not again before the next', async () => {
    const pacer = new LoopPacer();
    expect(pacer.isDue).toBe(false);
    const startedMs = performance.now();
    while (performance.now() - startedMs < 20);
    expect(pacer.isDue).toBe(true);
    await pacer.rest();
    expect(pacer.isDue).toBe(false);
  });
});
