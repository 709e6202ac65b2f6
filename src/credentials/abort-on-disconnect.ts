import type { ServerResponse } from 'node:http';
import { StorageError } from '../storage-providers/storage-errors.js';

/** Aborts when the client goes away before it has its whole answer. */
export function abortOnDisconnect(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(wentAway());
  });
  return controller.signal;
}

function wentAway(): StorageError {
  return new StorageError('aborted', 'The client went away before the end.', {
    operation: 'connect',
    hint: 'Nothing to repair: the caller ended the call.',
    retryable: false,
  });
}
