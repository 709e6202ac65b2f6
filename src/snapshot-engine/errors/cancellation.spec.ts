import { describe, expect, it } from '@jest/globals';
import { cancellable, cancellableItems } from './cancellation.js';
import { RepositoryError } from './repository-error.js';

describe('cancellable work', () => {
  it('fails with what went wrong, and after an abort as cancelled', async () => {
    const abort = new AbortController();
    const away = new Error('the store is away');
    const fail = () => cancellable('check', abort.signal, () => Promise.reject(away));
    await expect(fail()).rejects.toBe(away);
    const late = cancellable('check', abort.signal, async () => {
      abort.abort();
      throw away;
    });
    await expect(late).rejects.toMatchObject({
      code: 'cancelled',
      message: 'The check was cancelled.',
      cause: away,
    });
  });

  it('does not begin after an abort, and keeps what was done before one', async () => {
    const abort = new AbortController();
    const done = cancellable('prune', abort.signal, async () => {
      abort.abort();
      return 'done';
    });
    await expect(done).resolves.toBe('done');
    let begun = false;
    const never = cancellable('prune', abort.signal, async () => (begun = true));
    await expect(never).rejects.toMatchObject({ code: 'cancelled' });
    expect(begun).toBe(false);
  });

  it('says what the signal says of the repository', async () => {
    const lost = new RepositoryError('repository_locked', 'The lock was lost.');
    const abort = new AbortController();
    const work = cancellable('prune', abort.signal, async () => {
      abort.abort(lost);
      throw new Error('aborted');
    });
    await expect(work).rejects.toBe(lost);
  });

  it('is so item by item, too', async () => {
    const abort = new AbortController();
    const items = cancellableItems('restore', abort.signal, async function* () {
      yield 1;
      abort.signal.throwIfAborted();
      yield 2;
    });
    expect(await items.next()).toEqual({ value: 1, done: false });
    abort.abort();
    await expect(items.next()).rejects.toMatchObject({ code: 'cancelled' });
  });
});
