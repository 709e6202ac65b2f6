import { describe, expect, it } from '@jest/globals';
import { UploadSlots } from './upload-slots.js';

const never = new AbortController().signal;

describe('UploadSlots', () => {
  it('bounds the running and the waiting uploads of each user', async () => {
    const slots = new UploadSlots(2, 1);
    expect([slots.tryEnter(1), slots.tryEnter(1), slots.tryEnter(1)]).toEqual([true, true, false]);
    expect(slots.tryEnter(2)).toBe(true);
    const third = slots.enter(1, never);
    await expect(slots.enter(1, never)).rejects.toMatchObject({ code: 'too_many_uploads', retryable: true });
    slots.leave(1);
    await third;
    expect(slots.tryEnter(1)).toBe(false);
  });

  it('gives the place of who went away to the next', async () => {
    const slots = new UploadSlots(1, 2);
    await slots.enter(1, never);
    const gone = new AbortController();
    const leaving = slots.enter(1, gone.signal);
    const staying = slots.enter(1, never);
    gone.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    slots.leave(1);
    await staying;
    slots.leave(1);
    expect(slots.tryEnter(1)).toBe(true);
  });
});
