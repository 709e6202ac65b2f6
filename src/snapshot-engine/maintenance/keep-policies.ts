import type { KeepPolicy } from './keep-policy.js';

/**
 * Everything of the last hour, then one in five minutes for a day, one an hour for a week, one a day for a month, one
 * a month for a year. A workspace saved every 5 minutes settles at about 480 snapshots, one saved every 30 seconds at
 * about 600.
 */
export const GENEROUS_KEEP_POLICY: KeepPolicy = {
  within: { hours: 1 },
  tiersWithin: {
    fiveMinutely: { days: 1 },
    hourly: { days: 7 },
    daily: { months: 1 },
    monthly: { years: 1 },
  },
};

/**
 * The default of a workspace: everything of the last quarter of an hour, then one a minute for an hour, one in five
 * minutes for 6 hours, one an hour for 3 days, one a day for a month, one a month for a year. Saved every 30 seconds
 * without a pause it settles below 250 snapshots, and stays below 300 when it is thinned every 20 minutes.
 */
export const WORKSPACE_KEEP_POLICY: KeepPolicy = {
  within: { minutes: 15 },
  tiersWithin: {
    minutely: { hours: 1 },
    fiveMinutely: { hours: 6 },
    hourly: { days: 3 },
    daily: { months: 1 },
    monthly: { years: 1 },
  },
};
