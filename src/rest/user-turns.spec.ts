import { describe, expect, it } from '@jest/globals';
import { UserTurns } from './user-turns.js';

const never = new AbortController().signal;

describe('UserTurns', () => {
  const full = () => new Error('full');

  it('bounds what runs and waits of each user', async () => {
    const turns = new UserTurns(2, 1, full);
    expect([turns.tryEnter(1), turns.tryEnter(1), turns.tryEnter(1)]).toEqual([true, true, false]);
    expect(turns.tryEnter(2)).toBe(true);
    const third = turns.enter(1, never);
    await expect(turns.enter(1, never)).rejects.toThrow('full');
    turns.leave(1);
    await third;
    expect(turns.tryEnter(1)).toBe(false);
  });

  it('gives the place of who went away to the next', async () => {
    const turns = new UserTurns(1, 2, full);
    await turns.enter(1, never);
    const gone = new AbortController();
    const leaving = turns.enter(1, gone.signal);
    const staying = turns.enter(1, never);
    gone.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    turns.leave(1);
    await staying;
    turns.leave(1);
    expect(turns.tryEnter(1)).toBe(true);
  });

  it('gives a turn back whatever becomes of its work', async () => {
    const turns = new UserTurns(1, 1, full);
    await expect(turns.run(1, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await Promise.resolve();
      order.push(`${name} ends`);
    };
    await Promise.all([turns.run(1, work('one')), turns.run(1, work('other'))]);
    expect(order).toEqual(['one begins', 'one ends', 'other begins', 'other ends']);
  });
});
