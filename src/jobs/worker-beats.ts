import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { JobTimings } from './job-timings.js';

export type BeatTimings = Pick<JobTimings, 'beatMs' | 'deadAfterMs' | 'giveUpAfterMs'>;

/** What is kept alive: a group of workers under one name. */
export interface BeatingWorkers {
  readonly id: string | undefined;
  abandonRunning(): void;
}

/** Answers the names that others have struck off, or that are new. */
const BEAT = `INSERT INTO job_workers (id, seen_at) SELECT unnest($1::varchar[]), now()
  ON CONFLICT (id) DO UPDATE SET seen_at = now() RETURNING id, xmax = 0 AS is_new`;

const STRIKE_OFF = `DELETE FROM job_workers WHERE seen_at < now() - $1 * interval '1 millisecond'`;

/** A job that was taken lately may be of workers whose first beat is still on its way. */
const RELEASE = `SELECT graphile_worker.force_unlock_workers(array_agg(DISTINCT locked_by)) FROM graphile_worker.jobs
  WHERE locked_at < now() - $1 * interval '1 millisecond'
    AND NOT EXISTS (SELECT FROM job_workers WHERE job_workers.id = locked_by)
  HAVING count(*) > 0`;

/**
 * Tells the other processes that these workers live, and takes the jobs of dead ones back: by itself the queue waits for
 * four hours.
 */
export class WorkerBeats {
  readonly #database: DataSource;
  readonly #workers: readonly BeatingWorkers[];
  readonly #timings: BeatTimings;
  readonly #log = new Logger(WorkerBeats.name);
  /** Names that have beaten. */
  readonly #known = new Set<string>();
  #lastBeatMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();

  constructor(database: DataSource, workers: readonly BeatingWorkers[], timings: BeatTimings) {
    this.#database = database;
    this.#workers = workers;
    this.#timings = timings;
  }

  start(): void {
    this.#next(0);
  }

  /** To be called when the workers have stopped. Never rejects. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#beating;
    await this.#database
      .query('DELETE FROM job_workers WHERE id = ANY($1)', [[...this.#known]])
      .catch(() => undefined);
  }

  #next(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat().then(() => {
        if (this.#timer !== undefined) this.#next(this.#timings.beatMs);
      });
    }, delayMs);
    this.#timer.unref();
  }

  async #beat(): Promise<void> {
    const { deadAfterMs, giveUpAfterMs } = this.#timings;
    // Also after a sleep of the whole machine, before the first statement.
    if (performance.now() - this.#lastBeatMs > giveUpAfterMs) this.#abandon();
    try {
      await this.#tellOthers();
      await this.#database.query(STRIKE_OFF, [deadAfterMs]);
      await this.#database.query(RELEASE, [deadAfterMs]);
    } catch (error) {
      this.#log.warn('The workers of jobs could not tell that they live', error);
    }
  }

  async #tellOthers(): Promise<void> {
    const ids = this.#workers.map(({ id }) => id).filter((id) => id !== undefined);
    const sentMs = performance.now();
    const rows: { id: string; is_new: boolean }[] = await this.#database.query(BEAT, [ids]);
    if (rows.some(({ id, is_new: isNew }) => isNew && this.#known.has(id))) this.#abandon();
    for (const id of ids) this.#known.add(id);
    this.#lastBeatMs = sentMs;
  }

  #abandon(): void {
    this.#log.warn('This process was silent for too long: the jobs that run here are given up');
    for (const workers of this.#workers) workers.abandonRunning();
  }
}
