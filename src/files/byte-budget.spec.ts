import { describe, expect, it } from '@jest/globals';
import { ByteBudget } from './byte-budget.js';

const never = new AbortController().signal;

describe('ByteBudget', () => {
  it('lets those wait who ask for more than is left, and starts them in order', async () => {
    const budget = new ByteBudget(100);
    const order: string[] = [];
    expect(budget.tryTake(1, 60)).toBe(true);
    const first = budget.take(2, 50, never).then(() => order.push('first'));
    const second = budget.take(3, 40, never).then(() => order.push('second'));
    expect(budget.tryTake(4, 1)).toBe(false);
    budget.give(1, 60);
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    expect(budget.tryTake(4, 10)).toBe(true);
    expect(budget.tryTake(4, 1)).toBe(false);
  });

  it('passes over an owner at its own limit', async () => {
    const budget = new ByteBudget(100, 40);
    await budget.take(1, 40, never);
    const own = budget.take(1, 40, never);
    await budget.take(2, 40, never);
    let started = false;
    void own.then(() => (started = true));
    await Promise.resolve();
    expect(started).toBe(false);
    budget.give(1, 40);
    await own;
  });

  it('forgets who gave up', async () => {
    const budget = new ByteBudget(10);
    budget.tryTake(1, 10);
    const gone = new AbortController();
    const waiting = budget.take(2, 10, gone.signal);
    gone.abort(new Error('client gone'));
    await expect(waiting).rejects.toThrow('client gone');
    await expect(budget.take(3, 5, gone.signal)).rejects.toThrow('client gone');
    budget.give(1, 10);
    expect(budget.tryTake(3, 10)).toBe(true);
  });

  it('refuses what could never be taken', async () => {
    await expect(new ByteBudget(100, 40).take(1, 41, never)).rejects.toThrow(RangeError);
  });
});
