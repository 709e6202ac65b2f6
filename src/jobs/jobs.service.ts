import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull, type QueryDeepPartialEntity } from 'typeorm';
import { Job, type JobState } from './job.entity.js';

export interface NewJob {
  /** When whoever asks must find it again; a new one otherwise. */
  readonly id?: string;
  readonly userId: number;
  /** Noun and verb, at most 40 characters: `repository.check`. */
  readonly kind: string;
  /** Kind and id, at most 100 characters: `workspace:5f0b…`. */
  readonly subject: string;
}

type JobFields = Readonly<Record<string, unknown>>;
/** TypeORM takes the values of a plain record for nested entities. */
type JsonColumn = QueryDeepPartialEntity<Job>['result'];

/**
 * Key in the queue of the work that a user's job stands for. With it, a job whose work is in the queue no longer, because
 * every process that began it has died, is found and told as failed.
 */
export function jobKeyOf(id: string): string {
  return `${JOB_KEY_PREFIX}${id}`;
}

const JOB_KEY_PREFIX = 'job:';

/** Long work that users look at: `queued` -> `running` -> `succeeded`, `failed` or `cancelled`, which are final. */
@Injectable()
export class Jobs {
  constructor(private readonly database: DataSource) {}

  /** @param manager of the transaction that asks for the work */
  async create(manager: EntityManager, job: NewJob): Promise<Job> {
    const { id } = await manager.save(Job, { ...job });
    return manager.findOneByOrFail(Job, { id });
  }

  /** A job that has begun already goes on as it is: it is run again after an interruption. */
  async start(id: string, manager?: EntityManager): Promise<void> {
    const startedAt = () => 'coalesce(started_at, now())';
    await this.change(id, { state: 'running', startedAt }, manager);
  }

  async progress(id: string, progress: JobFields, manager?: EntityManager): Promise<void> {
    await this.change(id, { progress: progress as JsonColumn }, manager);
  }

  async succeed(id: string, result: JobFields, manager?: EntityManager): Promise<void> {
    await this.finish(id, { state: 'succeeded', result: result as JsonColumn }, manager);
  }

  /** @param detail a sentence that the user can act on, without a secret */
  async fail(id: string, errorCode: string, detail: string, manager?: EntityManager): Promise<void> {
    await this.finish(id, { state: 'failed', errorCode, errorDetail: detail }, manager);
  }

  async cancel(id: string, manager?: EntityManager): Promise<void> {
    await this.finish(id, { state: 'cancelled' }, manager);
  }

  /** @returns null when there is none, or when it is another user's */
  find(userId: number, id: string): Promise<Job | null> {
    return this.database.manager.findOneBy(Job, { userId, id });
  }

  /** Jobs about `subject` that have not ended, the oldest first. */
  open(manager: EntityManager, subject: string, kind: string): Promise<Job[]> {
    return manager.find(Job, { where: { subject, kind, finishedAt: IsNull() }, order: { createdAt: 'ASC' } });
  }

  /** How many of a user have not ended. */
  countOpen(manager: EntityManager, userId: number, kind: string): Promise<number> {
    return manager.countBy(Job, { userId, kind, finishedAt: IsNull() });
  }

  /** Of these kinds, all of which are enqueued under `jobKeyOf`: jobs that nobody will end. @returns how many */
  async failAbandoned(kinds: readonly string[]): Promise<number> {
    const values = [kinds, JOB_KEY_PREFIX];
    const [failed] = await this.database.query<[unknown[], number]>(FAIL_ABANDONED, values);
    return failed.length;
  }

  private finish(
    id: string,
    fields: QueryDeepPartialEntity<Job> & { state: JobState },
    manager?: EntityManager,
  ) {
    return this.change(id, { ...fields, finishedAt: () => 'now()' }, manager);
  }

  /** What has ended stays as it ended. */
  private async change(
    id: string,
    fields: QueryDeepPartialEntity<Job>,
    manager: EntityManager = this.database.manager,
  ): Promise<void> {
    await manager.update(Job, { id, finishedAt: IsNull() }, fields);
  }
}

/** One that was enqueued in a transaction is seen together with its row. */
const FAIL_ABANDONED = `UPDATE jobs SET state = 'failed', finished_at = now(), error_code = 'internal_error',
    error_detail = 'The work did not come to its end. Ask for it again; the log of the server tells what happened.'
  WHERE finished_at IS NULL AND kind = ANY ($1::text[]) AND NOT EXISTS (
    SELECT FROM graphile_worker.jobs queued WHERE queued.key = $2 || jobs.id::text
      AND (queued.attempts < queued.max_attempts OR queued.locked_at IS NOT NULL)
  ) RETURNING id`;
