import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { RunReport } from '../../agent-protocol/messages.js';
import { Clock } from '../../config/clock.js';
import { Statements } from '../../database/statements.js';
import { Jobs } from '../../jobs/jobs.service.js';
import { Webhooks } from '../../webhooks/webhooks.service.js';
import { AgentNudges } from '../agent-nudges.service.js';
import { foldRuns, type FoldedRuns, type KnownRun } from './fold-runs.js';

interface KnownRow extends KnownRun {
  readonly userId: number;
  readonly name: string;
}

interface News {
  readonly known: KnownRow;
  readonly folded: FoldedRuns;
}

/** Takes in how runs ended. */
@Injectable()
export class RunReports {
  constructor(
    private readonly database: DataSource,
    private readonly statements: Statements,
    private readonly jobs: Jobs,
    private readonly webhooks: Webhooks,
    private readonly nudges: AgentNudges,
    private readonly clock: Clock,
  ) {}

  /** Reports on workspaces that are not this agent's any more are left out: nobody waits for them. */
  async takeIn(agentId: string, reports: readonly RunReport[]): Promise<void> {
    if (reports.length === 0) return;
    const ids = [...new Set(reports.map(({ workspace_id }) => workspace_id))];
    const rows = await this.statements.query<KnownRow>(KNOWN, [agentId, ids]);
    const news = rows.flatMap((known) => this.newsOf(known, reports));
    if (news.length === 0) return;
    await this.database.transaction((manager) => this.write(manager, agentId, news));
  }

  private newsOf(known: KnownRow, reports: readonly RunReport[]): News[] {
    const ours = reports.filter(({ workspace_id }) => workspace_id === known.workspaceId);
    const folded = foldRuns(known, ours, this.clock.now());
    return folded === undefined ? [] : [{ known, folded }];
  }

  private async write(manager: EntityManager, agentId: string, news: readonly News[]): Promise<void> {
    const values = JSON.stringify(news.map(({ folded }) => rowOf(folded)));
    const written = new Set(
      (await manager.query<[{ id: string }[], number]>(WRITE, [agentId, values]))[0].map(({ id }) => id),
    );
    const taken = news.filter(({ known }) => written.has(known.workspaceId));
    let hasAnswers = false;
    for (const { known, folded } of taken) {
      if (folded.requested !== undefined) {
        await this.answerRequest(manager, known, folded.requested);
        hasAnswers = true;
      }
      if (folded.firstFailure !== undefined) await this.tellFailure(manager, known, folded.firstFailure);
    }
    // What was asked for is not wanted any more.
    if (hasAnswers) await this.nudges.nudge(manager, agentId);
  }

  private async answerRequest(manager: EntityManager, known: KnownRow, run: RunReport): Promise<void> {
    const jobId = run.requested_run_id!;
    if (run.status === 'failed') {
      const { code = 'snapshot_failed', detail = 'The run ended without a snapshot.' } = run;
      await this.jobs.fail(jobId, code, detail, manager);
      return;
    }
    const [snapshot] = await manager.query<{ id: string }[]>(ANSWERING_SNAPSHOT, [
      known.workspaceId,
      run.status === 'unchanged' ? null : (run.snapshot ?? null),
    ]);
    const result = { status: run.status, snapshot_id: snapshot?.id ?? null };
    await this.jobs.succeed(jobId, result, manager);
  }

  private async tellFailure(manager: EntityManager, known: KnownRow, run: RunReport): Promise<void> {
    await this.webhooks.emit(manager, {
      userId: known.userId,
      type: 'snapshot.failed',
      data: {
        workspace_id: known.workspaceId,
        workspace_name: known.name,
        run_id: run.run_id,
        code: run.code ?? 'snapshot_failed',
        detail: run.detail ?? 'The run ended without a snapshot.',
      },
    });
  }
}

function rowOf(folded: FoldedRuns): object {
  return {
    id: folded.workspaceId,
    after_run_id: folded.afterRunId,
    last_run: folded.last,
    last_run_at: new Date(folded.lastAtMs),
    durable: folded.durable.map(({ startedAtMs, snapshot }) => ({
      started_at: new Date(startedAtMs),
      snapshot: snapshot ?? null,
    })),
    runs: folded.runs,
    failed_runs: folded.failedRuns,
    skipped_runs: folded.skippedRuns,
    missed_changes: folded.missedChanges,
    requests: folded.requests,
    answered_run_id: folded.requested?.requested_run_id ?? null,
  };
}

const KNOWN = {
  name: 'agents_known_runs',
  text: `
    SELECT id AS "workspaceId", last_run ->> 'run_id' AS "lastRunId", last_run ->> 'status' AS "lastStatus",
        requested_run_id AS "requestedRunId", user_id AS "userId", name
      FROM workspaces WHERE agent_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL`,
};

/**
 * A report alone makes nothing durable: it counts where the snapshot that it names, or any for a run that found
 * nothing changed, is restorable by the server's own knowledge.
 */
const WRITE = `
  UPDATE workspaces w SET
      last_run = n.last_run,
      last_run_at = n.last_run_at,
      last_durable_at = greatest(w.last_durable_at, (
        SELECT max(d.started_at) FROM jsonb_to_recordset(n.durable) AS d (started_at timestamptz, snapshot text)
          WHERE EXISTS (
            SELECT 1 FROM snapshots s WHERE s.workspace_id = w.id AND s.state = 'restorable'
              AND (d.snapshot IS NULL OR s.object_id = decode(d.snapshot, 'hex'))))),
      runs = w.runs + n.runs,
      failed_runs = w.failed_runs + n.failed_runs,
      skipped_runs = w.skipped_runs + n.skipped_runs,
      missed_changes = w.missed_changes + n.missed_changes,
      provider_requests = w.provider_requests + n.requests,
      requested_run_id = CASE WHEN w.requested_run_id = n.answered_run_id THEN NULL ELSE w.requested_run_id END
    FROM jsonb_to_recordset($2::jsonb) AS n (
      id uuid, after_run_id text, last_run jsonb, last_run_at timestamptz, durable jsonb, runs bigint,
      failed_runs bigint, skipped_runs bigint, missed_changes bigint, requests bigint, answered_run_id uuid)
    WHERE w.id = n.id AND w.agent_id = $1 AND w.deleted_at IS NULL
      AND (w.last_run ->> 'run_id') IS NOT DISTINCT FROM n.after_run_id
    RETURNING w.id`;

/** The one that a run made; for a run that found nothing changed, the newest. */
const ANSWERING_SNAPSHOT = `
  SELECT id FROM snapshots
    WHERE workspace_id = $1 AND state = 'restorable' AND ($2::text IS NULL OR object_id = decode($2, 'hex'))
    ORDER BY received_at DESC, id DESC LIMIT 1`;
