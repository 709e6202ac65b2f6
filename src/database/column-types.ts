/** BIGINT columns that hold sizes and counts: exact in a JavaScript number up to 2^53. */
export const bigintAsNumber = {
  from: (value: string | null): number | null => (value === null ? null : Number(value)),
  to: (value: number | null): number | null => value,
};
