import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../config/clock.js';
import { notFound } from '../../errors/request-errors.js';
import { Repositories } from '../../repositories/repositories.service.js';
import { UnprovenPacks } from '../../repositories/unproven-packs.service.js';
import {
  SnapshotBrowser,
  type BadPack,
  type Repository,
  type StoredSnapshot,
} from '../../snapshot-engine/index.js';
import { SnapshotsError } from '../snapshots-error.js';
import { LoadedIndexes } from './loaded-indexes.js';

/** A snapshot that can be looked into. */
export interface OpenedSnapshot {
  readonly row: BrowsedRow;
  readonly browser: SnapshotBrowser;
}

export interface BrowsedRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly repository_id: string;
  readonly workspace_name: string;
  readonly received_at: Date;
  /** Id of the root's tree blob. */
  readonly tree: string;
}

/** A path's history looks into so many newest snapshots. */
export const MAX_EXAMINED_SNAPSHOTS = 2_000;

/** Opens users' snapshots for looking into them. */
@Injectable()
export class SnapshotBrowsers {
  private readonly log = new Logger(SnapshotBrowsers.name);
  private readonly indexes: LoadedIndexes;

  constructor(
    private readonly database: DataSource,
    private readonly repositories: Repositories,
    private readonly unproven: UnprovenPacks,
    clock: Clock,
  ) {
    this.indexes = new LoadedIndexes({
      stateOf: (repositoryId) => this.stateOf(repositoryId),
      open: async (repositoryId) => (await repositories.open(repositoryId)).repository,
      now: () => clock.now(),
    });
  }

  /** @throws RequestError `not_found`, also for other users'; and what opening and reading the repository throws */
  async open(userId: number, snapshotId: string): Promise<OpenedSnapshot> {
    const row = await this.rowOf(userId, snapshotId);
    return { row, browser: await this.browserOf(row) };
  }

  /**
   * Two snapshots of one workspace; without `againstId` the second is the one before.
   * @throws RequestError `not_found`; SnapshotsError `no_snapshot`
   */
  async pair(
    userId: number,
    snapshotId: string,
    againstId: string | undefined,
  ): Promise<{ readonly before: BrowsedRow; readonly after: BrowsedRow; readonly browser: SnapshotBrowser }> {
    const after = await this.rowOf(userId, snapshotId);
    const before =
      againstId === undefined ? await this.previousOf(after) : await this.rowOf(userId, againstId);
    // Blobs of another repository are sealed with another key; to whoever asks it is no snapshot of this workspace.
    if (before.workspace_id !== after.workspace_id) throw notFound('snapshot of the same workspace');
    const latest = before.received_at > after.received_at ? before : after;
    return { before, after, browser: await this.browserOf(latest) };
  }

  /** The newest snapshots of a workspace, newest first. @throws RequestError `not_found`, SnapshotsError `no_snapshot` */
  async newest(
    userId: number,
    workspaceId: string,
  ): Promise<{
    readonly browser: SnapshotBrowser;
    readonly snapshots: readonly StoredSnapshot[];
    /** There are more than were looked up. */
    readonly isCut: boolean;
  }> {
    const rows = await this.database.query<(BrowsedRow | { id: null })[]>(NEWEST, [
      userId,
      workspaceId,
      MAX_EXAMINED_SNAPSHOTS + 1,
    ]);
    if (rows.length === 0) throw notFound('workspace');
    const found = rows.filter((row) => row.id !== null);
    if (found[0] === undefined) throw noSnapshot();
    return {
      browser: await this.browserOf(found[0]),
      snapshots: found.slice(0, MAX_EXAMINED_SNAPSHOTS).map(storedSnapshot),
      isCut: found.length > MAX_EXAMINED_SNAPSHOTS,
    };
  }

  private async browserOf({ repository_id, received_at }: BrowsedRow): Promise<SnapshotBrowser> {
    const index = await this.indexes.of(repository_id, received_at.getTime());
    const { repository } = await this.repositories.open(repository_id);
    const loadBlob: Repository['loadBlob'] = async (...call) => {
      try {
        return await repository.loadBlob(...call);
      } finally {
        this.tell(repository_id, repository.takeBadPacks());
      }
    };
    return new SnapshotBrowser({ repository: { loadBlob }, index });
  }

  /** The reader has its answer, from another copy or not; maintenance looks into the packs that had none. */
  private tell(repositoryId: string, packs: readonly BadPack[]): void {
    if (packs.length === 0) return;
    const ids = packs.map(({ packId }) => packId);
    this.log.warn(`Packs of repository ${repositoryId} do not hold what its index says: ${ids.join(', ')}`);
    this.unproven.suspect(repositoryId, ids).catch((error: unknown) => {
      this.log.warn(`Packs of repository ${repositoryId} could not be noted as suspects: ${String(error)}`);
    });
  }

  private async rowOf(userId: number, snapshotId: string): Promise<BrowsedRow> {
    const [row] = await this.database.query<BrowsedRow[]>(ONE, [userId, snapshotId]);
    if (row === undefined) throw notFound('snapshot');
    return row;
  }

  private async previousOf({ workspace_id, id }: BrowsedRow): Promise<BrowsedRow> {
    const [row] = await this.database.query<BrowsedRow[]>(PREVIOUS, [workspace_id, id]);
    if (row === undefined) throw noSnapshot();
    return row;
  }

  private async stateOf(repositoryId: string): Promise<{ generation: number; nowMs: number }> {
    const [state] = await this.database.query<{ generation: number; now: Date }[]>(
      'SELECT generation, clock_timestamp() AS now FROM repositories WHERE id = $1',
      [repositoryId],
    );
    if (state === undefined) throw notFound('repository');
    return { generation: state.generation, nowMs: state.now.getTime() };
  }
}

function storedSnapshot({ id, tree, received_at }: BrowsedRow): StoredSnapshot {
  return { id, tree, paths: [], timeNs: BigInt(received_at.getTime()) * 1_000_000n };
}

function noSnapshot(): SnapshotsError {
  return new SnapshotsError('no_snapshot', 'There is no other snapshot of this workspace. Take one first.');
}

const COLUMNS = `s.id, s.workspace_id, w.repository_id, w.name AS workspace_name, s.received_at,
  encode(s.tree, 'hex') AS tree`;

const SOURCES = `snapshots s JOIN workspaces w ON w.id = s.workspace_id`;

const ONE = `SELECT ${COLUMNS} FROM ${SOURCES} WHERE s.user_id = $1 AND s.id = $2 AND s.state = 'restorable'`;

const PREVIOUS = `SELECT ${COLUMNS} FROM ${SOURCES}
  WHERE s.workspace_id = $1 AND s.state = 'restorable'
    AND (s.received_at, s.id) < (SELECT received_at, id FROM snapshots WHERE id = $2)
  ORDER BY s.received_at DESC, s.id DESC LIMIT 1`;

const NEWEST = `SELECT ${COLUMNS.replace('s.workspace_id', 'w.id AS workspace_id')}
  FROM workspaces w LEFT JOIN snapshots s ON s.workspace_id = w.id AND s.state = 'restorable'
  WHERE w.user_id = $1 AND w.id = $2 ORDER BY s.received_at DESC, s.id DESC LIMIT $3`;
