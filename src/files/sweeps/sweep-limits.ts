const HOUR_MS = 3_600_000;

/** An upload may last for a day, and a URL that stores something lives no longer; an hour more for slow ends. */
export const MIN_AGE_MS = 25 * HOUR_MS;

/** What was seen once is looked at again after so long, in another complete listing, before it is acted on. */
export const SECOND_SIGHTING_MS = HOUR_MS;

/** A row that is younger may have been written after its key's place in the listing was passed. */
export const MIN_ROW_AGE_MS = HOUR_MS;

/** More than this share of a bucket's objects are not leftovers of uploads: something else is wrong. */
export const MAX_SHARE = 0.05;

/** In one run, of each kind. */
export const MAX_PER_RUN = 1_000;

/** As many of each kind are kept in memory and as sightings. */
export const MAX_SIGHTINGS = 10_000;

export const SWEEP_EVERY_MS = 24 * HOUR_MS;

/** When there is something that a second sighting would prove. */
export const LOOK_AGAIN_MS = 65 * 60_000;
