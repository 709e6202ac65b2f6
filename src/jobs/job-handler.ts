/**
 * Ids, and what was asked for; never a secret, because whoever reads the database reads payloads, and no state, because
 * what it names may have changed meanwhile.
 */
export type JobPayload = Readonly<Record<string, string | number | boolean>>;

export interface JobRun {
  /** 1 for the first. */
  readonly attempt: number;
  /** Whether no attempt follows when this one fails. */
  readonly isLastAttempt: boolean;
  /** Aborted when this process stops, or when it was taken for dead and others may run the job. */
  readonly signal: AbortSignal;
}

/**
 * Does one job. It may run more than once, and after a pause of its process even twice at a time: what it does is
 * guarded by state in tables. Rejecting means another attempt, later.
 */
export type JobHandler<Payload extends JobPayload = JobPayload> = (
  payload: Payload,
  run: JobRun,
) => Promise<void>;

/**
 * `prompt`: ends within seconds. `long`: upkeep that may take long. `bulk`: reads or writes what a user has, for hours
 * perhaps, because somebody asked for it. Each leaves room for the others.
 */
export type JobLane = 'prompt' | 'long' | 'bulk';

/** Jobs that one process runs at the same time. */
export const JOBS_AT_ONCE: Readonly<Record<JobLane, number>> = { prompt: 8, long: 2, bulk: 2 };

export interface HandlerOptions {
  /** `prompt` when absent. */
  readonly lane?: JobLane;
}
