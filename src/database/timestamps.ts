import pg from 'pg';

/**
 * The seeds' columns are TIMESTAMP without time zone and hold UTC. node-postgres would take and give them in the time
 * zone of this machine; from now on both directions are UTC. Process-wide, and harmless to repeat.
 */
export function useUtcTimestamps(): void {
  pg.defaults.parseInputDatesAsUTC = true;
  pg.types.setTypeParser(pg.types.builtins.TIMESTAMP, parseUtcTimestamp);
}

/** Reads PostgreSQL's ISO output, such as `2026-11-22 06:52:06.123456`; infinity becomes an invalid date. */
export function parseUtcTimestamp(text: string): Date {
  return new Date(`${text.replace(' ', 'T')}Z`);
}

/** As JavaScript prints it, without a Date, for lists of thousands; null for no text and for infinity. */
export function isoTimestamp(text: string): string | null {
  if (text.length >= 19 && text[10] === ' ' && !text.endsWith('BC')) {
    return `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, 23).padEnd(3, '0')}Z`;
  }
  const date = parseUtcTimestamp(text);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
