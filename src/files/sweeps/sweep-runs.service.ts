import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, LessThan } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { notFound } from '../../errors/request-errors.js';
import { cursorTime, decodeCursor, encodeCursor } from '../../rest/cursor.js';
import { Webhooks } from '../../webhooks/webhooks.service.js';
import { planChanged } from '../file-errors.js';
import { SweepRun } from './sweep-run.entity.js';
import { SweepSighting } from './sweep-sighting.entity.js';

export type EndedRun = Omit<SweepRun, 'cloudConfig' | 'bucket'>;

export interface SweepRunPage {
  readonly runs: readonly SweepRun[];
  readonly nextCursor: string | null;
}

const KEPT_MS = 90 * 24 * 3_600_000;

/** All configurations of the place: one run is for all of them. */
const LOOK_AGAIN = `UPDATE swept_configs SET sweep_after = $3
  WHERE cloud_config_id = $1 OR bucket_id = $2`;

/** What came of looks through buckets. */
@Injectable()
export class SweepRuns {
  constructor(
    private readonly database: DataSource,
    private readonly webhooks: Webhooks,
    private readonly audit: AuditLog,
  ) {}

  /** Tells of a doubt once, when it comes up. */
  async record(run: EndedRun, sweepAfter: Date): Promise<void> {
    const { cloudConfigId, bucketId, startedAt } = run;
    await this.database.transaction(async (manager) => {
      const before = await this.latest(manager, cloudConfigId);
      // A copy: TypeORM writes what the database answers into what it is given, bigints as text.
      await manager.insert(SweepRun, { ...run });
      await manager.query(LOOK_AGAIN, [cloudConfigId, bucketId, sweepAfter]);
      const old = new Date(startedAt.getTime() - KEPT_MS);
      await manager.delete(SweepRun, { cloudConfigId, startedAt: LessThan(old) });
      if (run.state !== 'stopped' || before?.stopCode === run.stopCode) return;
      const data = { sweep_id: run.id, code: run.stopCode ?? '', detail: run.stopDetail ?? '' };
      await this.webhooks.emit(manager, { userId: run.userId, type: 'bucket.sweep_stopped', data });
    });
  }

  /** The newest first. @throws RequestError `validation_failed` for a cursor that is none */
  async page(userId: number, limit: number, cursor: string | undefined): Promise<SweepRunPage> {
    const query = this.database.manager
      .createQueryBuilder(SweepRun, 'run')
      .addSelect(cursorTime('run.started_at'), 'position')
      .where('run.user_id = :userId', { userId })
      .orderBy('run.started_at', 'DESC')
      .addOrderBy('run.id', 'DESC')
      .limit(limit + 1);
    if (cursor !== undefined) {
      const after = decodeCursor<{ at: string; id: string }>(cursor, { at: 'timestamp', id: 'uuid' });
      query.andWhere('(run.started_at, run.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))', after);
    }
    const { entities, raw } = await query.getRawAndEntities<{ position: string }>();
    const runs = entities.slice(0, limit);
    const last = runs.at(-1);
    const hasMore = entities.length > limit && last !== undefined;
    return {
      runs,
      nextCursor: hasMore ? encodeCursor({ at: raw[limit - 1]!.position, id: last.id }) : null,
    };
  }

  /**
   * Lets the objects go that a run stopped at, these and no others, once another look finds them still without a row.
   * Once for each run.
   * @throws RequestError `not_found`, FilesError `plan_changed`
   */
  async confirm(userId: number, runId: string, candidates: number, origin: AuditOrigin): Promise<SweepRun> {
    return this.database.transaction(async (manager) => {
      const run = await manager.findOneBy(SweepRun, { id: runId, userId });
      if (run === null) throw notFound('sweep');
      const latest = await this.latest(manager, run.cloudConfigId);
      if (latest?.id !== runId) throw planChanged('A later sweep has looked again.');
      if (run.stopCode !== 'too_many' || run.bucketId === null)
        throw planChanged('This sweep did not stop at too many objects.');
      if (run.candidateObjects !== candidates)
        throw planChanged(`It found ${run.candidateObjects} objects without a row.`);
      const { bucketId } = run;
      const unconfirmed = { bucketId, kind: 'object', runId, confirmed: false } as const;
      const { affected } = await manager.update(SweepSighting, unconfirmed, { confirmed: true });
      if (affected === 0) throw planChanged('It was confirmed already, and the next sweep carries it out.');
      await manager.query(LOOK_AGAIN, [run.cloudConfigId, bucketId, new Date(run.startedAt)]);
      const details = { candidate_objects: candidates };
      const subject = `cloud_config:${run.cloudConfigId}`;
      await this.audit.record({ ...origin, action: 'sweep.confirmed', subject, details }, manager);
      return run;
    });
  }

  private latest(manager: EntityManager, cloudConfigId: number): Promise<SweepRun | null> {
    return manager.findOne(SweepRun, { where: { cloudConfigId }, order: { startedAt: 'DESC', id: 'DESC' } });
  }
}
