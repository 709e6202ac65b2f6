/** One request that a double received, in the order of arrival. */
export interface LoggedCall {
  readonly sequence: number;
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly requestHeaders: Readonly<Record<string, string | string[] | undefined>>;
  /** What was answered; undefined while the call runs and for ever when the connection was cut instead. */
  status: number | undefined;
  /** The provider's own code when an error was answered, e.g. `NoSuchKey`. */
  errorCode: string | undefined;
  receivedBytes: number;
  sentBytes: number;
}

/** Oldest entries are dropped beyond this, so that a soak run does not grow without end. */
const MAX_CALLS = 200_000;

/** What a double was asked, for tests to count and compare. */
export class CallLog {
  #calls: LoggedCall[] = [];
  #sequence = 0;

  open(
    call: Omit<LoggedCall, 'sequence' | 'status' | 'errorCode' | 'receivedBytes' | 'sentBytes'>,
  ): LoggedCall {
    this.#sequence += 1;
    const entry = {
      ...call,
      sequence: this.#sequence,
      status: undefined,
      errorCode: undefined,
      receivedBytes: 0,
      sentBytes: 0,
    };
    this.#calls.push(entry);
    if (this.#calls.length > MAX_CALLS) this.#calls = this.#calls.slice(-MAX_CALLS / 2);
    return entry;
  }

  get calls(): readonly LoggedCall[] {
    return this.#calls;
  }

  of(...operations: readonly string[]): readonly LoggedCall[] {
    return this.#calls.filter((call) => operations.includes(call.operation));
  }

  /** Forgets the entries; sequence numbers go on. */
  clear(): void {
    this.#calls = [];
  }
}
