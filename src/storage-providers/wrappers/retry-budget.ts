/** Retries that may be made before any call has succeeded. */
const CAPACITY = 10;

/** What every call puts in: retries stay below a tenth of the traffic in the long run. */
const DEPOSIT = 0.1;

/** A token bucket that calls fill and retries empty, so that retries cannot double the load of a failing provider. */
export class RetryBudget {
  private tokens: number;

  constructor(private readonly capacity: number = CAPACITY) {
    this.tokens = capacity;
  }

  /** To be called once for every call. */
  deposit(): void {
    this.tokens = Math.min(this.capacity, this.tokens + DEPOSIT);
  }

  /** Whether one more retry may be made. */
  withdraw(): boolean {
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
