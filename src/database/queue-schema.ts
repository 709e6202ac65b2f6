import { Logger, runMigrations } from 'graphile-worker';

/**
 * Makes or updates the tables of the job queue, in their own schema `graphile_worker`, so that whoever has the database
 * may enqueue. To be called by one process at a time.
 */
export async function migrateQueue(url: string): Promise<void> {
  // Its messages are of no use to who starts the server; failures are thrown.
  const logger = new Logger(() => () => undefined);
  await runMigrations({ connectionString: url, maxPoolSize: 1, logger });
}
