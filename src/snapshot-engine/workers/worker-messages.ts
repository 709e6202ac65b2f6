import { RepositoryError, type RepositoryErrorCode } from '../errors/repository-error.js';

/** Main thread to worker. `instance` numbers an opened service on that worker. */
export type WorkerRequest =
  | { readonly call: number; readonly open: string; readonly instance: number; readonly init: unknown }
  | { readonly call: number; readonly instance: number; readonly method: string; readonly input: unknown }
  | { readonly call: number; readonly closeInstance: number };

export type WorkerAnswer =
  /** The first of all: the thread has loaded its modules. */
  { readonly ready: true } | WorkerReply;

export type WorkerReply =
  | { readonly call: number; readonly output: unknown }
  | { readonly call: number; readonly failure: WorkerFailure };

/** An error without its class, which structured cloning would lose. */
export interface WorkerFailure {
  readonly repositoryCode?: RepositoryErrorCode;
  readonly subject?: string;
  readonly message: string;
  /** System error, e.g. `ENOSPC`. */
  readonly systemCode?: string;
  readonly stack?: string;
}

export function failureOf(error: unknown): WorkerFailure {
  if (error instanceof RepositoryError) {
    return { repositoryCode: error.code, subject: error.subject, message: error.message };
  }
  const { message, code, stack } = error as NodeJS.ErrnoException;
  return { message: message ?? String(error), ...(typeof code === 'string' && { systemCode: code }), stack };
}

export function errorOf(failure: WorkerFailure): Error {
  if (failure.repositoryCode !== undefined) {
    return new RepositoryError(failure.repositoryCode, failure.message, failure.subject);
  }
  const error: NodeJS.ErrnoException = new Error(failure.message);
  if (failure.systemCode !== undefined) error.code = failure.systemCode;
  error.stack = failure.stack;
  return error;
}
