/** First and last byte, both inclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The one range of a `Range` header (RFC 9110, 14.2).
 * @returns undefined when the header is absent, malformed or holds many ranges (the whole is answered then),
 *          `unsatisfiable` when it lies beyond the object
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): Range | undefined | 'unsatisfiable' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  if (match[1] === '') {
    const suffix = Math.min(Number(match[2]), sizeBytes);
    return suffix === 0 ? 'unsatisfiable' : { start: sizeBytes - suffix, end: sizeBytes - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  if (match[2] !== '' && Number(match[2]) < start) return undefined;
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}
