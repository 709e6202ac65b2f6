/** Milliseconds since the epoch. Injected everywhere so that time can be tested. */
export abstract class Clock {
  abstract now(): number;
}

export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }
}
