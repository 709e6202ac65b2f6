/** Offsets change at full quarters of an hour only. */
const QUARTER_HOUR_MS = 900_000;

/** A zone of the IANA database, e.g. `Europe/Zurich`. Throws a RangeError for an unknown one. */
export class TimeZone {
  readonly #format: Intl.DateTimeFormat | undefined;
  readonly #offsets = new Map<number, number>();

  constructor(name: string) {
    this.#format =
      name === 'UTC'
        ? undefined
        : new Intl.DateTimeFormat('en-US', {
            timeZone: name,
            hourCycle: 'h23',
            year: 'numeric',
            month: 'numeric',
            day: 'numeric',
            hour: 'numeric',
            minute: 'numeric',
            second: 'numeric',
          });
  }

  /** What the wall clock shows, as if it were UTC: `new Date(zone.wallMs(t))` has its fields in `getUTC…`. */
  wallMs(timeMs: number): number {
    return timeMs + this.#offsetMs(timeMs);
  }

  /** The time at which the wall clock shows `wallMs`; one of two around a change of the offset. */
  timeMs(wallMs: number): number {
    const guess = wallMs - this.#offsetMs(wallMs);
    return wallMs - this.#offsetMs(guess);
  }

  #offsetMs(timeMs: number): number {
    if (this.#format === undefined) return 0;
    const quarter = Math.floor(timeMs / QUARTER_HOUR_MS);
    let offset = this.#offsets.get(quarter);
    if (offset === undefined) {
      offset = offsetAt(this.#format, quarter * QUARTER_HOUR_MS);
      this.#offsets.set(quarter, offset);
    }
    return offset;
  }
}

function offsetAt(format: Intl.DateTimeFormat, timeMs: number): number {
  const field = Object.fromEntries(
    format.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]),
  );
  return Date.UTC(field.year!, field.month! - 1, field.day, field.hour, field.minute, field.second) - timeMs;
}
