import { validationFailed } from '../errors/request-errors.js';

/** What a cursor's value must look like before it may reach a statement. */
export type CursorField = 'integer' | 'bigint' | 'uuid' | 'text' | 'timestamp';

const MAX_INTEGER = 2 ** 31 - 1;
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;

/** Longest cursor that is looked at. */
const MAX_CURSOR_CHARS = 2_000;

/**
 * The position after which a listing goes on, as opaque text.
 * @param values the sort columns of the last row shown; a timestamp as an ISO 8601 string
 */
export function encodeCursor(values: Readonly<Record<string, string | number>>): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/**
 * Reads a cursor of `encodeCursor`. It comes from outside and may be forged: it must hold exactly `fields`, each
 * of its kind, so that a value may be passed on to a statement. It grants nothing: a listing stays its user's.
 * @throws RequestError `validation_failed`
 */
export function decodeCursor<T extends object>(
  cursor: string,
  fields: Readonly<Record<keyof T & string, CursorField>>,
): T {
  const values = parse(cursor);
  const names = Object.keys(fields) as (keyof T & string)[];
  const valid =
    values !== undefined &&
    Object.keys(values).length === names.length &&
    names.every((name) => Object.hasOwn(values, name) && isOfKind(values[name], fields[name]));
  if (!valid) throw invalidCursor();
  return values as T;
}

/** SQL for a column's moment as a cursor holds it: with microseconds, which a Date does not have. */
export function cursorTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

function parse(cursor: string): Record<string, unknown> | undefined {
  if (cursor.length > MAX_CURSOR_CHARS || !/^[\w-]+$/.test(cursor)) return undefined;
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return typeof values === 'object' && values !== null ? (values as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isOfKind(value: unknown, kind: CursorField): boolean {
  switch (kind) {
    case 'integer':
      return Number.isSafeInteger(value) && Math.abs(value as number) <= MAX_INTEGER;
    case 'bigint':
      return Number.isSafeInteger(value);
    case 'uuid':
      return typeof value === 'string' && UUID.test(value);
    case 'text':
      return typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
    case 'timestamp':
      return (
        typeof value === 'string' &&
        /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) &&
        !Number.isNaN(Date.parse(value))
      );
  }
}

function invalidCursor() {
  const detail = 'must be the next_cursor of an earlier answer of this listing';
  return validationFailed([{ pointer: 'cursor', detail, code: 'invalid_cursor' }]);
}
