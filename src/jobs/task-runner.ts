import type { Logger } from '@nestjs/common';
import type { Counter, Histogram } from 'prom-client';
import type { DataSource } from 'typeorm';
import type { Metrics } from '../telemetry/metrics.js';
import type { JobHandler, JobLane, JobPayload, JobRun } from './job-handler.js';
import { placeNextTurn, type Schedule } from './schedules.js';

interface RegisteredTask {
  readonly handler: JobHandler;
  readonly lane: JobLane;
}

/** Knows who does which task; runs it, counts it, and tells the log what went wrong without its payload. */
export class TaskRunner {
  readonly #tasks = new Map<string, RegisteredTask>();
  readonly #database: DataSource;
  readonly #schedules: ReadonlyMap<string, Schedule>;
  readonly #log: Logger;
  readonly #ended: Counter<'task' | 'outcome'>;
  readonly #seconds: Histogram<'task'>;

  constructor(database: DataSource, schedules: ReadonlyMap<string, Schedule>, metrics: Metrics, log: Logger) {
    this.#database = database;
    this.#schedules = schedules;
    this.#log = log;
    this.#ended = metrics.counter('stowage_jobs_total', 'Runs of jobs by this process.', ['task', 'outcome']);
    this.#seconds = metrics.histogram('stowage_job_duration_seconds', 'From begin to end of a job.', [
      'task',
    ]);
  }

  register(task: string, handler: JobHandler, lane: JobLane): void {
    if (this.#tasks.has(task)) throw new TypeError(`The task ${task} has two handlers.`);
    this.#tasks.set(task, { handler, lane });
  }

  tasksOf(lane: JobLane): string[] {
    return [...this.#tasks].filter(([, task]) => task.lane === lane).map(([name]) => name);
  }

  /** Rejects when the job has to be run again; the reason holds nothing but a code, because it is stored. */
  async run(task: string, payload: JobPayload, run: JobRun): Promise<void> {
    const schedule = this.#schedules.get(task);
    const failure = await this.#attempt(task, payload, run);
    // What was cut short by the end of this process is run again by another, as any job is.
    if (schedule !== undefined && !run.signal.aborted) {
      await placeNextTurn(this.#database.manager, schedule, { failed: failure !== undefined });
    } else if (failure !== undefined) throw failure;
  }

  async #attempt(task: string, payload: JobPayload, run: JobRun): Promise<Error | undefined> {
    const ended = this.#seconds.startTimer({ task });
    try {
      await this.#tasks.get(task)!.handler(payload, run);
      this.#ended.inc({ task, outcome: 'succeeded' });
      return undefined;
    } catch (error) {
      const outcome = run.signal.aborted ? 'interrupted' : 'failed';
      this.#ended.inc({ task, outcome });
      const last = run.isLastAttempt ? ', the last' : '';
      this.#log.warn(
        `A job ${task} was ${outcome === 'failed' ? 'not done' : outcome} at attempt ${run.attempt}${last}`,
        error,
      );
      return new Error(reasonOf(error));
    } finally {
      ended();
    }
  }
}

function reasonOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return [code, name].find((each) => typeof each === 'string') ?? 'unknown';
}
