import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { RestoreReport } from '../../agent-protocol/messages.js';
import { Proofs } from '../../repositories/proofs.service.js';
import {
  CHANGED_RESTORE,
  type ChangedRestore,
  RestoreEndings,
} from '../../repositories/restore-endings.service.js';
import type { RestoreState } from '../../repositories/restore.entity.js';
import { AgentNudges } from '../agent-nudges.service.js';

/** Takes in how far restores are. Reports that come late, twice or out of order change nothing. */
@Injectable()
export class RestoreReports {
  constructor(
    private readonly database: DataSource,
    private readonly proofs: Proofs,
    private readonly endings: RestoreEndings,
    private readonly nudges: AgentNudges,
  ) {}

  /** Reports on restores that are not this agent's are left out. */
  async takeIn(agentId: string, reports: readonly RestoreReport[]): Promise<void> {
    if (reports.length === 0) return;
    // Rows are locked in one order, whatever the order of the reports: two heartbeats never wait for each other.
    const newest = new Map(reports.map((report) => [report.restore_id, report]));
    const inOrder = [...newest.values()].sort((a, b) => (a.restore_id < b.restore_id ? -1 : 1));
    await this.database.transaction(async (manager) => {
      for (const report of inOrder) await this.write(manager, agentId, report);
    });
  }

  private async write(manager: EntityManager, agentId: string, report: RestoreReport): Promise<void> {
    const { plan, progress, result, code, detail } = report;
    const json = (value: object | undefined): string | null =>
      value === undefined ? null : JSON.stringify(value);
    const [rows] = await manager.query<[ChangedRestore[], number]>(STATEMENTS[report.state], [
      report.restore_id,
      agentId,
      json(plan),
      json(progress),
      json(result),
      code ?? null,
      detail ?? null,
      report.state,
    ]);
    const [row] = rows;
    if (row === undefined) return;
    if (row.finished) await this.proofs.record(manager, row.id);
    await this.endings.tell(manager, row);
    // Another step is wanted now, or none any more.
    if (report.state !== 'running') await this.nudges.nudge(manager, agentId);
  }
}

/** All take the same parameters; what a report does not name stays as it was. */
const statement = (changes: string, from: readonly RestoreState[]): string => `
  UPDATE restores r SET
      plan = coalesce($3::jsonb, r.plan),
      progress = coalesce($4::jsonb, r.progress),
      result = coalesce($5::jsonb, r.result),
      error_code = coalesce($6::text, r.error_code),
      error_detail = coalesce($7::text, r.error_detail),
      version = r.version + 1,
      ${changes}
    FROM workspaces w
    WHERE r.id = $1 AND r.agent_id = $2 AND r.kind = 'restore' AND w.id = r.workspace_id
      AND $8::text IS NOT NULL AND r.state IN (${from.map((state) => `'${state}'`).join(', ')})
    RETURNING ${CHANGED_RESTORE}`;

const ENDED = 'state = $8::text, finished_at = now()';

const STATEMENTS: Readonly<Record<RestoreReport['state'], string>> = {
  planned: statement(
    `state = CASE WHEN r.starts_by_itself THEN 'running' ELSE 'planned' END,
      started_at = CASE WHEN r.starts_by_itself THEN now() END`,
    ['planning'],
  ),
  running: statement('state = r.state', ['running', 'cancelling']),
  succeeded: statement(ENDED, ['running', 'cancelling']),
  partial: statement(ENDED, ['running', 'cancelling']),
  failed: statement(ENDED, ['planning', 'running', 'cancelling']),
  cancelled: statement(ENDED, ['cancelling']),
};
