import { applyDecorators } from '@nestjs/common';
import { IsISO8601, Matches } from 'class-validator';

/** A moment as RFC 3339 writes it, with its offset, on a day that the calendar has. */
export function IsMoment(): PropertyDecorator {
  return applyDecorators(
    IsISO8601({ strict: true }, { message: 'must be a day of the calendar' }),
    Matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/, {
      message: 'must be a moment such as 2027-01-01T00:00:00Z (RFC 3339)',
    }),
  );
}
