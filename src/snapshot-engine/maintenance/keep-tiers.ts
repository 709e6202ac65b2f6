/** What a count or a duration of a keep policy can apply to; `last`: each snapshot by itself. */
export const KEEP_TIERS = [
  'last',
  'minutely',
  'fiveMinutely',
  'hourly',
  'daily',
  'weekly',
  'monthly',
  'yearly',
] as const;

export type KeepTier = (typeof KEEP_TIERS)[number];

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** 1970-01-01 was a Thursday, the fourth day of its ISO week. */
const DAYS_BEFORE_EPOCH_IN_WEEK = 3;

/**
 * Which minute, hour, … a wall clock time lies in, as a number; `at` counts the snapshots. Times of one bucket follow
 * each other, so only neighbours are ever compared.
 */
export const BUCKET_OF: Readonly<Record<KeepTier, (wallMs: number, at: number) => number>> = {
  last: (_wallMs, at) => at,
  minutely: (wallMs) => Math.floor(wallMs / MINUTE_MS),
  fiveMinutely: (wallMs) => Math.floor(wallMs / (5 * MINUTE_MS)),
  hourly: (wallMs) => Math.floor(wallMs / (60 * MINUTE_MS)),
  daily: (wallMs) => Math.floor(wallMs / DAY_MS),
  weekly: (wallMs) => Math.floor((Math.floor(wallMs / DAY_MS) + DAYS_BEFORE_EPOCH_IN_WEEK) / 7),
  monthly: (wallMs) => monthOf(wallMs),
  yearly: (wallMs) => new Date(wallMs).getUTCFullYear(),
};

function monthOf(wallMs: number): number {
  const date = new Date(wallMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
