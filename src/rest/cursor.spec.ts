import { describe, expect, it } from '@jest/globals';
import { decodeCursor, encodeCursor } from './cursor.js';

interface Position {
  id: number;
  uploaded_at: string;
  name: string;
}
const fields = { id: 'integer', uploaded_at: 'timestamp', name: 'text' } as const;
const position: Position = { id: 42, uploaded_at: '2026-11-22T07:00:00.123Z', name: 'ä"/👩‍💻' };
const read = (cursor: string) => decodeCursor<Position>(cursor, fields);
const forged = (values: unknown) => Buffer.from(JSON.stringify(values)).toString('base64url');

describe('a cursor', () => {
  it('comes back as it was', () => {
    const cursor = encodeCursor({ ...position });
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(read(cursor)).toEqual(position);
  });

  it.each([
    '',
    '!!!',
    'AAAA',
    encodeCursor({ ...position }).slice(0, -4),
    encodeCursor({ id: 1 }),
    encodeCursor({ ...position, more: 1 }),
    forged(null),
    forged([]),
    forged('x'),
    forged({ ...position, id: '42' }),
    forged({ ...position, id: 1.5 }),
    forged({ ...position, id: 2 ** 31 }),
    forged({ ...position, uploaded_at: 'yesterday' }),
    forged({ ...position, uploaded_at: '2026-99-99T00:00:00Z' }),
    forged({ ...position, name: 'a\0' }),
    forged({ ...position, name: { toString: 'x' } }),
    'a'.repeat(3_000),
  ])('that was forged is a wrong field of the request: %s', (cursor) => {
    expect(() => read(cursor)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        errors: [expect.objectContaining({ pointer: 'cursor' })],
      }),
    );
  });
});
