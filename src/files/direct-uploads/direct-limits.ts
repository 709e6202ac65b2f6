import { MIB } from '../upload-limits.js';

/** Larger files go in parts, so that a cut connection costs a part and not the whole. */
export const MAX_SINGLE_PUT_BYTES = 100 * MIB;

/** URLs that one request signs at most. */
export const MAX_URLS_AT_ONCE = 100;

/** URLs that come with a new upload. */
export const FIRST_URLS = 10;

/** How long a URL can be used. */
export const URL_SECONDS = 3_600;

/** An upload ends by itself so long after the last URL was signed, */
export const IDLE_HOURS = 24;

/** and so long after it was begun at the latest: Azure drops parts after a week. */
export const LONGEST_HOURS = 6 * 24;

/** A completion or an abort that has lasted so long has died with its process. */
export const LOCK_SECONDS = 600;

/** Completions that one run goes on with. */
export const FINISHED_AT_ONCE = 100;
