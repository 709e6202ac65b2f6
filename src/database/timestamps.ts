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
