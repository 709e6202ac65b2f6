import type { EntityManager } from 'typeorm';
import { ADVISORY_LOCK_CLASS, ADVISORY_LOCKS } from '../database/advisory-locks.js';

/** Until the transaction ends nobody else, on any replica, decides who administers. */
export async function lockAdministrators(manager: EntityManager): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock($1, $2)', [
    ADVISORY_LOCK_CLASS,
    ADVISORY_LOCKS.administrators,
  ]);
}
