/** Which calls a fault strikes. Without `nth` the next matching call; `times` calls from there on. */
export interface FaultMatch {
  readonly operation?: string | readonly string[];
  readonly key?: string | RegExp;
  /** From 1, counted over the calls that match after the fault was set. */
  readonly nth?: number;
  readonly times?: number;
}

export type FaultHook = () => void | Promise<void>;

export interface StatusFault {
  readonly status: number;
  readonly code?: string;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is instead of the provider's error format. */
  readonly body?: string;
}

export type FaultEffect =
  | { readonly kind: 'before'; readonly hook: FaultHook | undefined }
  | { readonly kind: 'after'; readonly hook: FaultHook | undefined }
  | { readonly kind: 'torn'; readonly keepBytes: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'reset'; readonly afterBytes: number }
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'trickle'; readonly bytesPerSecond: number }
  | { readonly kind: 'corrupt'; readonly atByte: number }
  | { readonly kind: 'status'; readonly answer: StatusFault };

/** A fault that was set. `hits` shows that the run really met it; a test whose fault never struck proves nothing. */
export interface FaultHandle {
  readonly hits: number;
  remove(): void;
}

interface ArmedFault {
  readonly match: FaultMatch;
  readonly effect: FaultEffect;
  seen: number;
  hits: number;
}

/** Faults of one double. Each method sets one fault; the first that matches a call strikes it. */
export class Faults {
  #armed: ArmedFault[] = [];

  /** Drops the connection before the call takes effect; `hook` runs first (e.g. to kill the client). */
  before(match: FaultMatch, hook?: FaultHook): FaultHandle {
    return this.#arm(match, { kind: 'before', hook });
  }

  /** The call takes effect, `hook` runs, then the connection drops without an answer. */
  after(match: FaultMatch, hook?: FaultHook): FaultHandle {
    return this.#arm(match, { kind: 'after', hook });
  }

  /** Stores only the first bytes of the body and drops the connection: what a store without atomic writes does. */
  torn(match: FaultMatch, keepBytes = 1): FaultHandle {
    return this.#arm(match, { kind: 'torn', keepBytes });
  }

  /** The call takes effect twice; the second outcome is answered (a retry that the network duplicated). */
  duplicate(match: FaultMatch): FaultHandle {
    return this.#arm(match, { kind: 'duplicate' });
  }

  /** RST in the middle of the answer's body. */
  reset(match: FaultMatch, afterBytes = 0): FaultHandle {
    return this.#arm(match, { kind: 'reset', afterBytes });
  }

  /** A well-formed answer whose length is shorter than the object: a silent short body. */
  truncate(match: FaultMatch, afterBytes: number): FaultHandle {
    return this.#arm(match, { kind: 'truncate', afterBytes });
  }

  delay(match: FaultMatch, ms: number): FaultHandle {
    return this.#arm(match, { kind: 'delay', ms });
  }

  /** Accepts the call and never answers. */
  hang(match: FaultMatch): FaultHandle {
    return this.#arm(match, { kind: 'hang' });
  }

  trickle(match: FaultMatch, bytesPerSecond = 1): FaultHandle {
    return this.#arm(match, { kind: 'trickle', bytesPerSecond });
  }

  /** Flips one bit of the answer's body; its headers stay as if nothing had happened. */
  corrupt(match: FaultMatch, atByte = 0): FaultHandle {
    return this.#arm(match, { kind: 'corrupt', atByte });
  }

  /** Answers this instead of doing anything. */
  status(match: FaultMatch, answer: StatusFault): FaultHandle {
    return this.#arm(match, { kind: 'status', answer });
  }

  clear(): void {
    this.#armed = [];
  }

  /** For the doubles: the effect that strikes this call, if any. */
  take(operation: string, key: string): FaultEffect | undefined {
    for (const fault of this.#armed) {
      if (!matches(fault.match, operation, key)) continue;
      fault.seen += 1;
      const first = fault.match.nth ?? 1;
      if (fault.seen < first || fault.seen >= first + (fault.match.times ?? 1)) continue;
      fault.hits += 1;
      return fault.effect;
    }
    return undefined;
  }

  #arm(match: FaultMatch, effect: FaultEffect): FaultHandle {
    const fault: ArmedFault = { match, effect, seen: 0, hits: 0 };
    this.#armed.push(fault);
    return {
      get hits() {
        return fault.hits;
      },
      remove: () => {
        this.#armed = this.#armed.filter((other) => other !== fault);
      },
    };
  }
}

function matches(match: FaultMatch, operation: string, key: string): boolean {
  const wanted = typeof match.operation === 'string' ? [match.operation] : match.operation;
  if (wanted && !wanted.includes(operation)) return false;
  if (match.key === undefined) return true;
  return typeof match.key === 'string' ? match.key === key : match.key.test(key);
}
