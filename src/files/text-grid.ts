import { randomBytes } from 'node:crypto';
import type { Statement, Statements } from '../database/statements.js';

/** Rows of texts, one after the other; NULL is an empty text. */
export interface TextGrid {
  readonly rowCount: number;
  readonly texts: readonly string[];
}

/** A statement that answers a grid; `separator` is the number of its last parameter, which `readGrid` adds. */
export function gridStatement(
  name: string,
  columns: readonly string[],
  separator: number,
  select: (columns: string) => string,
): Statement {
  const row = columns.map((column) => `coalesce(${column}::text, '')`).join(', ');
  const text = `SELECT count(*)::integer AS row_count, string_agg(concat_ws($${separator}, ${row}), $${separator}) AS texts
    FROM (${select([...new Set(columns)].join(', '))}) page`;
  return { name, text };
}

/**
 * Reads many rows as one text, in the order of the statement: node-postgres takes twice as long over 10,000 small values.
 * A stored text that holds the separator gives more texts than there are columns, and is read again with another.
 */
export async function readGrid(
  statements: Statements,
  { statement, values, columns }: { statement: Statement; values: readonly unknown[]; columns: number },
): Promise<TextGrid> {
  for (let separator = USUAL_SEPARATOR; ; separator = randomBytes(12).toString('base64')) {
    const [row] = await statements.query<GridRow>(statement, [...values, separator]);
    const { row_count: rowCount, texts: joined } = row as GridRow;
    const texts = joined === null ? [] : joined.split(separator);
    if (texts.length === rowCount * columns) return { rowCount, texts };
  }
}

interface GridRow {
  readonly row_count: number;
  readonly texts: string | null;
}

const USUAL_SEPARATOR = '\u001f';
