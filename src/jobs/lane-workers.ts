import { Logger as NestLogger } from '@nestjs/common';
import { Logger, runTaskList, type JobHelpers, type TaskList, type WorkerPool } from 'graphile-worker';
import type pg from 'pg';
import type { JobLane, JobPayload } from './job-handler.js';
import type { JobTimings } from './job-timings.js';
import type { TaskRunner } from './task-runner.js';

/** Takes jobs of one lane from the queue and runs them, a bounded number at a time, until it is stopped. */
export class LaneWorkers {
  readonly #pool: pg.Pool;
  readonly #runner: TaskRunner;
  readonly #lane: JobLane;
  readonly #atOnce: number;
  readonly #timings: JobTimings;
  readonly #log: NestLogger;
  #workers: WorkerPool | undefined;
  #presumedAlive = new AbortController();
  #isStopping = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(pool: pg.Pool, runner: TaskRunner, lane: JobLane, atOnce: number, timings: JobTimings) {
    this.#pool = pool;
    this.#runner = runner;
    this.#lane = lane;
    this.#atOnce = atOnce;
    this.#timings = timings;
    this.#log = new NestLogger(`Jobs: ${lane}`);
  }

  /** Under which jobs are taken; `undefined` while it does not run. */
  get id(): string | undefined {
    return this.#workers?.id;
  }

  start(): void {
    const { pollMs, abortAfterMs } = this.#timings;
    const options = {
      concurrency: this.#atOnce,
      pollInterval: pollMs,
      gracefulShutdownAbortTimeout: abortAfterMs,
      noHandleSignals: true,
      logger: quietLogger(this.#log),
    };
    const workers = runTaskList(options, this.#tasks(), this.#pool);
    this.#workers = workers;
    const ended = () => this.#ended(workers);
    workers.promise.then(ended, ended);
  }

  /** Others may be running the same jobs by now: those that run here are told to end. */
  abandonRunning(): void {
    this.#presumedAlive.abort(new Error('This process was taken for dead; its jobs are run elsewhere.'));
    this.#presumedAlive = new AbortController();
  }

  /** Resolves when no job runs any more, or when those that do not end have been released. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const workers = this.#workers;
    if (workers === undefined) return;
    const { abortAfterMs, releaseAfterMs } = this.#timings;
    const release = setTimeout(() => {
      void Promise.resolve(workers.forcefulShutdown('The process stops.')).catch(() => undefined);
    }, abortAfterMs + releaseAfterMs);
    // Its failures, such as that of a database that is gone, leave jobs locked: others find them by their beats.
    await Promise.resolve(workers.gracefulShutdown('The process stops.')).catch(() => undefined);
    await workers.promise.catch(() => undefined);
    clearTimeout(release);
  }

  #tasks(): TaskList {
    return Object.fromEntries(
      this.#runner.tasksOf(this.#lane).map((task) => [
        task,
        (payload: unknown, { job, abortSignal }: JobHelpers) =>
          this.#runner.run(task, payload as JobPayload, {
            attempt: job.attempts,
            isLastAttempt: job.attempts >= job.max_attempts,
            signal: AbortSignal.any([abortSignal, this.#presumedAlive.signal]),
          }),
      ]),
    );
  }

  /** It ends by itself when the database could not be told what became of a job. */
  #ended(workers: WorkerPool): void {
    if (this.#workers === workers) this.#workers = undefined;
    if (this.#isStopping) return;
    this.#log.warn('The workers ended; they are started again');
    this.#restart = setTimeout(() => this.start(), this.#timings.restartMs);
    this.#restart.unref();
  }
}

/** Its messages may quote what a handler threw, and that is told by the TaskRunner: only that there is trouble passes. */
function quietLogger(log: NestLogger): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error' && !message.startsWith('Failed task')) log.debug(firstWords(message));
  });
}

function firstWords(message: string): string {
  return message.split(/[:\n]/, 1)[0]!.slice(0, 200);
}
