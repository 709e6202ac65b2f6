import { describe, expect, it } from '@jest/globals';
import { shareEnd, type WantedEnd } from './share-end.js';

const now = Date.parse('2026-11-22T10:00:00Z');
const endOf = (wanted: WantedEnd) => shareEnd(wanted, now)?.toISOString();

describe('the end of a share', () => {
  it('is a week away when nobody says otherwise', () => {
    expect(endOf({})).toBe('2026-11-29T10:00:00.000Z');
  });

  it('is so many seconds away, or at a moment', () => {
    expect(endOf({ expires_in_seconds: 60 })).toBe('2026-11-22T10:01:00.000Z');
    expect(endOf({ expires_at: '2027-01-01T01:00:00+01:00' })).toBe('2027-01-01T00:00:00.000Z');
  });

  it('never comes when that is asked for', () => {
    expect(shareEnd({ expires_at: null }, now)).toBeNull();
  });

  it.each<WantedEnd>([
    { expires_at: '2026-11-22T10:00:00Z' },
    { expires_at: 'nonsense' },
    { expires_at: '2027-01-01T00:00:00Z', expires_in_seconds: 60 },
    { expires_at: null, expires_in_seconds: 60 },
  ])('is refused as %j', (wanted) => {
    expect(() => shareEnd(wanted, now)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        errors: [expect.objectContaining({ pointer: '/expires_at' })],
      }),
    );
  });
});
