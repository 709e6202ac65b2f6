/** One wrong field of a request; `pointer` is a JSON pointer into the body, or the parameter's name. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
  readonly code: string;
}

export interface StowageErrorOptions {
  /** Whether the same request may succeed later without a change. */
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  readonly errors?: readonly FieldError[];
  readonly cause?: unknown;
}

/**
 * An error that a user may see. `code` is stable and documented in docs/errors.md; `message` is a sentence
 * that a user can act on and never contains a secret. Features subclass it with their own union of codes;
 * only src/http knows which HTTP status a code has.
 */
export abstract class StowageError<Code extends string = string> extends Error {
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly errors: readonly FieldError[];

  constructor(
    readonly code: Code,
    message: string,
    options: StowageErrorOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.errors = options.errors ?? [];
  }
}
