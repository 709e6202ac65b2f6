import type { EntityManager } from 'typeorm';

export interface Schedule {
  readonly task: string;
  readonly everySeconds: number;
}

/** A schedule's job is never given up. */
const ENDLESS_ATTEMPTS = 32_767;
/** A run that failed is tried again after so long, if its next turn is not sooner. */
const RETRY_AFTER_SECONDS = 300;

/** The next whole multiple of the period, by the database's clock: all replicas come to the same, and missed ones collapse. */
const NEXT_TURN = 'to_timestamp((floor(extract(epoch FROM now()) / $2::float8) + 1) * $2::float8)';

const PLACE = `SELECT id FROM graphile_worker.add_job($1, '{}'::json, run_at => ${NEXT_TURN},
  max_attempts => ${ENDLESS_ATTEMPTS}, job_key => $3, job_key_mode => 'unsafe_dedupe')`;

/** When the period was made shorter. */
const HASTEN = `SELECT graphile_worker.reschedule_jobs(array_agg(id), run_at => ${NEXT_TURN})
  FROM graphile_worker.jobs WHERE key = $1 AND locked_at IS NULL AND run_at > ${NEXT_TURN}`;

const REPLACE = `SELECT id FROM graphile_worker.add_job($1, '{}'::json,
  run_at => least(${NEXT_TURN}, now() + $4 * interval '1 second'),
  max_attempts => ${ENDLESS_ATTEMPTS}, job_key => $3)`;

/** Makes sure that the schedule has its one job; one that is there, or running, stays. */
export async function placeSchedule(manager: EntityManager, { task, everySeconds }: Schedule): Promise<void> {
  await manager.query(PLACE, [task, everySeconds, keyOf(task)]);
  await manager.query(HASTEN, [keyOf(task), everySeconds]);
}

/** After a run: its next turn takes the place of the job that is ending. A run that was killed has not come here, and is repeated. */
export async function placeNextTurn(
  manager: EntityManager,
  { task, everySeconds }: Schedule,
  { failed }: { readonly failed: boolean },
): Promise<void> {
  const withinSeconds = failed ? RETRY_AFTER_SECONDS : everySeconds;
  await manager.query(REPLACE, [task, everySeconds, keyOf(task), withinSeconds]);
}

function keyOf(task: string): string {
  return `schedule:${task}`;
}
