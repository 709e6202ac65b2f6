import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import { AuditLog } from '../auth/audit-log.service.js';
import type { Actor } from '../credentials/cloud-configs.service.js';
import { CloudSettings, type SettingsBody } from '../credentials/cloud-settings.service.js';
import { notFound } from '../errors/request-errors.js';
import { JobQueue } from '../jobs/job-queue.service.js';
import { jobKeyOf, Jobs } from '../jobs/jobs.service.js';
import { FileMove, type MoveState } from './file-move.entity.js';
import { MoveRows } from './move-rows.js';
import { MOVE_ATTEMPTS, MOVE_JOB, MOVE_TASK } from './move-task.js';
import { moveUnderWay, wrongState } from './moves-error.js';

/** States in which work that ended with a problem may go on as it is. */
const RESUMABLE: ReadonlySet<MoveState> = new Set(['catching_up', 'cleaning', 'cancelling']);

/** What users can do about moving all their files into another bucket. */
@Injectable()
export class Moves {
  constructor(
    private readonly database: DataSource,
    private readonly settings: CloudSettings,
    private readonly queue: JobQueue,
    private readonly jobs: Jobs,
    private readonly rows: MoveRows,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Tests and keeps the settings of the target; nothing is copied before `start`.
   * @throws MovesError `move_under_way`; what testing and keeping the settings throws
   */
  async plan(actor: Actor, target: SettingsBody, signal: AbortSignal): Promise<FileMove> {
    const { userId } = actor.principal;
    const open = await this.database.manager.findOneBy(FileMove, { userId, endedAt: IsNull() });
    if (open !== null) throw moveUnderWay(open.id);
    const config = await this.settings.add(actor, target, signal);
    return this.database.transaction(async (manager) => {
      // One of two that plan at the same time comes second here.
      await manager.query('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
      const other = await manager.findOneBy(FileMove, { userId, endedAt: IsNull() });
      if (other !== null) throw moveUnderWay(other.id);
      const { id } = await manager.save(FileMove, { userId, targetConfigId: config.id });
      await this.note(manager, actor, 'move.planned', id);
      return manager.findOneByOrFail(FileMove, { id });
    });
  }

  /** The newest first. */
  list(userId: number): Promise<FileMove[]> {
    return this.database.manager.find(FileMove, {
      where: { userId },
      order: { createdAt: 'DESC', id: 'ASC' },
      take: 100,
    });
  }

  /** @throws RequestError `not_found` */
  async get(userId: number, id: string): Promise<FileMove> {
    const move = await this.database.manager.findOneBy(FileMove, { id, userId });
    if (move === null) throw notFound('move');
    return move;
  }

  /**
   * Begins to copy, or goes on after a stop. What could not be copied is tried again, unless it shall stay behind.
   * @throws RequestError `not_found`, MovesError `move_state`
   */
  async start(actor: Actor, id: string, { skipFailed }: { readonly skipFailed: boolean }): Promise<FileMove> {
    const move = await this.change(
      actor,
      id,
      'move.started',
      async (manager, { state, problem, startedAt }) => {
        const goesOn = RESUMABLE.has(state) && problem !== null;
        if (state !== 'planned' && state !== 'stopped' && !goesOn) throw wrongState('started', state);
        await manager.update(FileMove, id, {
          state: goesOn ? state : 'copying',
          skipFailed,
          startedAt: startedAt ?? (() => 'now()'),
        });
      },
    );
    if (!skipFailed) await this.rows.forgetFailed(move);
    return move;
  }

  /**
   * Gives a move up that has not switched yet: files stay where they are, and the copies go.
   * @throws RequestError `not_found`, MovesError `move_state`
   */
  cancel(actor: Actor, id: string): Promise<FileMove> {
    return this.change(actor, id, 'move.cancelled', async (manager, { state }) => {
      if (!['planned', 'copying', 'stopped'].includes(state)) throw wrongState('cancelled', state);
      await manager.update(FileMove, id, { state: 'cancelling' });
    });
  }

  /**
   * Deletes the objects in the old bucket of which copies are in use.
   * @throws RequestError `not_found`, MovesError `move_state`
   */
  cleanUp(actor: Actor, id: string): Promise<FileMove> {
    return this.change(actor, id, 'move.cleaned_up', async (manager, { state }) => {
      if (state !== 'moved') throw wrongState('cleaned up', state);
      await manager.update(FileMove, id, { state: 'cleaning' });
    });
  }

  /** Changes the state and asks for the work that it means, in one transaction. */
  private change(
    actor: Actor,
    id: string,
    action: string,
    apply: (manager: EntityManager, move: FileMove) => Promise<void>,
  ): Promise<FileMove> {
    const { userId } = actor.principal;
    return this.database.transaction(async (manager) => {
      const move = await manager.findOne(FileMove, {
        where: { id, userId },
        lock: { mode: 'pessimistic_write' },
      });
      if (move === null) throw notFound('move');
      await apply(manager, move);
      // What the user saw of the work before has ended with its state.
      if (move.jobId !== null) await this.jobs.cancel(move.jobId, manager);
      const job = await this.jobs.create(manager, { userId, kind: MOVE_JOB, subject: `move:${id}` });
      await manager.update(FileMove, id, { jobId: job.id, problem: null, problemCode: null });
      const options = { manager, jobKey: jobKeyOf(job.id), maxAttempts: MOVE_ATTEMPTS };
      await this.queue.enqueue(MOVE_TASK, { move_id: id }, options);
      await this.note(manager, actor, action, id);
      return manager.findOneByOrFail(FileMove, { id });
    });
  }

  private note(manager: EntityManager, { origin }: Actor, action: string, id: string): Promise<void> {
    return this.audit.record({ ...origin, action, subject: `move:${id}` }, manager);
  }
}
