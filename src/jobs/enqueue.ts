import type { EntityManager } from 'typeorm';
import type { JobPayload } from './job-handler.js';

export interface EnqueueOptions {
  /** Whose transaction the job belongs to: it exists when that is committed. */
  readonly manager?: EntityManager;
  /** At once when absent. */
  readonly runAt?: Date;
  /** A job of this key that has not begun yet is replaced. */
  readonly jobKey?: string;
  /** Later attempts wait for e^attempt seconds, at most six hours. */
  readonly maxAttempts?: number;
  /** Jobs of one queue run one after the other in the whole installation. A few names, never one for each thing. */
  readonly queueName?: string;
}

export const DEFAULT_MAX_ATTEMPTS = 10;

const ADD_JOB = `SELECT id FROM graphile_worker.add_job($1, $2::json, queue_name => $3, run_at => $4,
  max_attempts => $5, job_key => $6)`;

/** Adds a job to the queue, as part of the manager's transaction if it has one. */
export async function addJob(
  manager: EntityManager,
  task: string,
  payload: JobPayload,
  options: Omit<EnqueueOptions, 'manager'>,
): Promise<void> {
  const { runAt = null, jobKey = null, maxAttempts = DEFAULT_MAX_ATTEMPTS, queueName = null } = options;
  await manager.query(ADD_JOB, [task, JSON.stringify(payload), queueName, runAt, maxAttempts, jobKey]);
}
