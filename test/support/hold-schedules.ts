import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const HOLD = `SELECT graphile_worker.reschedule_jobs(array_agg(id), run_at => now() + interval '1 day')
  FROM graphile_worker.jobs WHERE key LIKE 'schedule:%'`;
const NEXT = `SELECT FROM graphile_worker.jobs WHERE key LIKE 'schedule:%' AND run_at < now() + interval '12 hours'`;

/**
 * Keeps a server's recurring jobs from running until its next start, for a spec that counts every request: their turns
 * come by the clock. Those that run have ended.
 */
export async function holdSchedules(databaseUrl: string): Promise<void> {
  const sql = new pg.Client({ connectionString: databaseUrl });
  await sql.connect();
  try {
    await sql.query(HOLD);
    while ((await sql.query(NEXT)).rowCount !== 0) {
      await sleep(50);
      await sql.query(HOLD);
    }
  } finally {
    await sql.end();
  }
}
