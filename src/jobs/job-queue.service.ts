import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { DatabaseServer } from '../database/open-database.js';
import { Metrics } from '../telemetry/metrics.js';
import { addJob, type EnqueueOptions } from './enqueue.js';
import {
  JOBS_AT_ONCE,
  type HandlerOptions,
  type JobHandler,
  type JobLane,
  type JobPayload,
} from './job-handler.js';
import { JobTimings } from './job-timings.js';
import { LaneWorkers } from './lane-workers.js';
import { placeSchedule, type Schedule } from './schedules.js';
import { TaskRunner } from './task-runner.js';
import { WorkerBeats } from './worker-beats.js';

const LANES: readonly JobLane[] = ['prompt', 'long', 'bulk'];
/** A listening connection for each lane, and some for taking and ending jobs. */
const POOL_SIZE = LANES.length + 3;

/**
 * Durable work: a job that was committed is done at least once, by any process with the role `worker`, also after the
 * death of the one that began it. Tasks are registered in `onModuleInit`, before anything runs.
 */
@Injectable()
export class JobQueue implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger(JobQueue.name);
  private readonly runner: TaskRunner;
  private readonly schedules = new Map<string, Schedule>();
  private pool: pg.Pool | undefined;
  private lanes: LaneWorkers[] = [];
  private beats: WorkerBeats | undefined;

  constructor(
    private readonly database: DataSource,
    private readonly server: DatabaseServer,
    private readonly config: Config,
    private readonly timings: JobTimings,
    metrics: Metrics,
  ) {
    this.runner = new TaskRunner(database, this.schedules, metrics, this.log);
  }

  /** Says who does jobs of this task. @param task noun and verb: `repository.maintain` */
  handle<Payload extends JobPayload>(
    task: string,
    handler: JobHandler<Payload>,
    { lane = 'prompt' }: HandlerOptions = {},
  ): void {
    this.runner.register(task, handler as unknown as JobHandler, lane);
  }

  /** Runs the task once a period in the whole installation; turns that were missed are made up for by one. */
  schedule(task: string, { everySeconds }: { readonly everySeconds: number }): void {
    this.schedules.set(task, { task, everySeconds });
  }

  /** Adds a job; with a manager, as part of its transaction. */
  async enqueue(
    task: string,
    payload: JobPayload,
    { manager, ...options }: EnqueueOptions = {},
  ): Promise<void> {
    await addJob(manager ?? this.database.manager, task, payload, options);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.env.STOWAGE_ROLES.includes('worker')) return;
    for (const schedule of this.schedules.values()) await placeSchedule(this.database.manager, schedule);
    const pool = this.openPool();
    this.lanes = LANES.filter((lane) => this.runner.tasksOf(lane).length > 0).map(
      (lane) => new LaneWorkers(pool, this.runner, lane, JOBS_AT_ONCE[lane], this.timings),
    );
    for (const lane of this.lanes) lane.start();
    this.beats = new WorkerBeats(this.database, this.lanes, this.timings);
    this.beats.start();
  }

  /** No job begins any more; those that run are told to stop, and are released for others when they do not. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.stop()));
    await this.beats?.stop();
    await this.pool?.end();
    this.pool = undefined;
    this.lanes = [];
  }

  private openPool(): pg.Pool {
    this.pool = new pg.Pool({
      connectionString: this.server.url,
      max: POOL_SIZE,
      keepAlive: true,
      application_name: 'stowage jobs',
      options: '-c timezone=UTC',
    });
    this.pool.on('error', (error) => this.log.warn(`A connection was lost: ${error.message}`));
    return this.pool;
  }
}
