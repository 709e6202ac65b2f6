const DAY_SECONDS = 86_400;

/** Of a share whose maker says nothing about its end. */
export const DEFAULT_SHARE_SECONDS = 7 * DAY_SECONDS;

/** Ten years; what shall last longer has no end. */
export const MAX_SHARE_SECONDS = 3_650 * DAY_SECONDS;

export const MAX_SHARE_DOWNLOADS = 1_000_000_000;

export const MAX_SHARE_ID = 2_147_483_647;

/** For so long a client may fetch what it lacks of a download that was counted. */
export const RESUMABLE_MS = DAY_SECONDS * 1_000;

/** For so long a share that has ended can still be looked at. */
export const ENDED_SHARE_DAYS = 30;
