/**
 * Locks that all replicas share, taken for one transaction: `SELECT pg_advisory_xact_lock(<class>, <lock>)`. Locks of a
 * transaction also work behind a pooler that hands connections around.
 */
export const ADVISORY_LOCK_CLASS = 0x73746f77;

export const ADVISORY_LOCKS = {
  migrations: 1,
  administrators: 2,
  firstInstallation: 3,
  watchdog: 4,
} as const;

/** With a user's id: who registers local files of that user. */
export const LOCAL_FILES_LOCK_CLASS = 0x73746c66;
