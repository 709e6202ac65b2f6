import { encodeCursor } from './cursor.js';

/**
 * The page of a listing that asked for one row more than fits, to learn whether there is another page.
 * @param positionOf the values of a row's cursor
 */
export function cutPage<Row>(
  rows: readonly Row[],
  limit: number,
  positionOf: (row: Row) => Readonly<Record<string, string | number>>,
): { readonly shown: Row[]; readonly nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    shown,
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(positionOf(last)) : null,
  };
}
