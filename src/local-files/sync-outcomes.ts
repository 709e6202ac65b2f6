import type { BigIntStats } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import { isConnectionLoss } from '../database/connection-loss.js';
import { databaseUnavailable } from '../database/statements.js';
import { type FileRecords, mayHaveTakenEffect } from '../files/file-records.js';
import type { FileOwner, WrittenFile } from '../files/written-file.js';
import type { Webhooks } from '../webhooks/webhooks.service.js';
import type { Claim } from './claims.js';
import { stampOf } from './local-content.js';

/** So often a file is tried before its user is told; then it is tried seldom. */
export const TOLD_AFTER_ATTEMPTS = 5;
const FIRST_RETRY_SECONDS = 1;
const LONGEST_RETRY_SECONDS = 3_600;
/** One file tries for all whether the bucket works again, so that its user hears of an outage, and of it once. */
const FIRST_IN_LINE_SECONDS = 3_600;
/** How often the outcome of a lost commit is asked for before the file is left to whoever claims it next. */
const COMMIT_ATTEMPTS = 3;
const COMMIT_PAUSE_MS = 500;

/** Why a file is not in the bucket. */
export interface Failure {
  readonly code: string;
  readonly sentence: string;
}

/** The claim is not ours any more: the file was unregistered, or another process took it over. */
export class ClaimLost extends Error {}

/** Writes down what became of a claimed file. Each outcome holds only while the claim does. */
export class SyncOutcomes {
  constructor(
    private readonly database: DataSource,
    private readonly records: FileRecords,
    private readonly webhooks: Webhooks,
    private readonly random: () => number,
  ) {}

  /**
   * Makes the written object the file's content in the bucket: a new version of its cloud file, or a new one where there
   * is none. That and the end of the claim are one transaction, so nobody else ever does the same again.
   * @throws ClaimLost; RequestError `service_unavailable` when nobody knows whether it took effect
   */
  async uploaded(claim: Claim, owner: FileOwner, written: WrittenFile, stats: BigIntStats): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.transaction((manager) => this.link(manager, claim, owner, written, stats));
      } catch (error) {
        if (attempt >= COMMIT_ATTEMPTS || !mayHaveTakenEffect(error)) throw error;
        await pause(COMMIT_PAUSE_MS);
      }
    }
  }

  /** The bucket has this content already. @returns whether it really has: the cloud file may be gone meanwhile */
  async unchanged(claim: Claim, stats: BigIntStats): Promise<boolean> {
    return this.transaction(async (manager) => {
      await holdClaim(manager, claim);
      const fileId = await storedFile(manager, claim);
      if (fileId === undefined) return false;
      await this.synced(manager, claim, stats, claim.synced!.checksum, fileId);
      return true;
    });
  }

  /** It is larger than its user allows; it waits until that is more. */
  async skipped(claim: Claim, sizeBytes: number, { code, sentence }: Failure): Promise<void> {
    await this.database.query(SKIP, [claim.localFileId, claim.leaseId, sizeBytes, code, sentence]);
  }

  async vanished(claim: Claim, { code, sentence }: Failure): Promise<void> {
    await this.database.query(VANISH, [claim.localFileId, claim.leaseId, code, sentence]);
  }

  /**
   * It is tried again: when the bucket failed as soon as the bucket is tried again, otherwise later each time.
   */
  async failed(
    claim: Claim,
    { code, sentence }: Failure,
    { ofBucket }: { ofBucket: boolean },
  ): Promise<void> {
    const { localFileId, leaseId, userId, filename, attempts } = claim;
    const isOften = attempts >= TOLD_AFTER_ATTEMPTS;
    const waitSeconds = ofBucket && !isOften ? -FIRST_IN_LINE_SECONDS : this.retryAfterSeconds(attempts);
    const state = isOften ? 'failed' : 'waiting';
    await this.transaction(async (manager) => {
      const values = [localFileId, leaseId, state, waitSeconds, code, sentence];
      const [[told]] = await manager.query<[{ is_new: boolean }[], number]>(FAIL, values);
      if (!told?.is_new) return;
      const data = { local_file_id: localFileId, filename, code, detail: sentence, attempts };
      await this.webhooks.emit(manager, { userId, type: 'file.sync_failed', data });
    });
  }

  private retryAfterSeconds(attempts: number): number {
    const seconds = Math.min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** Math.min(attempts - 1, 20));
    return seconds * (0.5 + this.random() / 2);
  }

  private async link(
    manager: EntityManager,
    claim: Claim,
    owner: FileOwner,
    written: WrittenFile,
    stats: BigIntStats,
  ): Promise<void> {
    if ((await holdClaim(manager, claim)) === 'done') return;
    const replacesFileId = await storedFile(manager, claim);
    const file = { ...written, replacesFileId, localFileId: claim.localFileId };
    const { id } = await this.records.saveIn(manager, owner, file);
    await this.synced(manager, claim, stats, written.checksum!, id);
  }

  private async synced(
    manager: EntityManager,
    { localFileId }: Claim,
    stats: BigIntStats,
    checksum: string,
    cloudFileId: number,
  ): Promise<void> {
    const modifiedAt = new Date(Number(stats.mtimeMs));
    const values = [localFileId, Number(stats.size), modifiedAt, stampOf(stats), checksum, cloudFileId];
    await manager.query(SYNCED, values);
    await manager.query(TELL_SIZE, [localFileId, Number(stats.size)]);
  }

  private async transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await this.database.transaction(work);
    } catch (error) {
      throw isConnectionLoss(error) ? databaseUnavailable(error) : error;
    }
  }
}

/**
 * Locks the file's rows, in the order in which the host application's own changes do.
 * @returns done: an earlier attempt to write this outcome was committed
 */
async function holdClaim(manager: EntityManager, { localFileId, leaseId }: Claim): Promise<'held' | 'done'> {
  await manager.query('SELECT FROM pixe_files WHERE id = $1 FOR NO KEY UPDATE', [localFileId]);
  const [row] = await manager.query<{ state: string; lease_id: string }[]>(
    'SELECT state, lease_id FROM local_file_syncs WHERE local_file_id = $1 FOR UPDATE',
    [localFileId],
  );
  if (row?.lease_id !== leaseId) throw new ClaimLost();
  if (row.state === 'uploading') return 'held';
  if (row.state === 'synced') return 'done';
  throw new ClaimLost();
}

/** The cloud file that has the earlier content, unless it is in the trash or gone. */
async function storedFile(manager: EntityManager, { synced, userId }: Claim): Promise<number | undefined> {
  if (synced === undefined) return undefined;
  const statement = `SELECT id FROM cloud_files WHERE id = $1 AND user_id = $2 AND state = 'stored' FOR UPDATE`;
  const [row] = await manager.query<{ id: number }[]>(statement, [synced.fileId, userId]);
  return row?.id;
}

/** What changed meanwhile waits again, and is uploaded at once where changes are. */
const SYNCED = `UPDATE local_file_syncs AS held SET
    state = CASE WHEN changed_again THEN 'waiting' ELSE 'synced' END,
    next_attempt_at = CASE WHEN changed_again AND EXISTS
      (SELECT FROM sync_settings s WHERE s.user_id = held.user_id AND s.sync_on_create) THEN now() END,
    reason_code = NULL, reason = NULL, attempts = 0, asked = false, changed_again = false, failure_told = false,
    size_bytes = $2, modified_at = $3, bytes_done = $2, synced_stamp = $4, synced_size_bytes = $2, checksum = $5,
    cloud_file_id = $6, synced_at = now()
  WHERE local_file_id = $1`;

/** Of rows that are ours; the host application's own are its own. */
const TELL_SIZE = `UPDATE pixe_files SET file_size = $2 WHERE id = $1 AND file_size <> $2 AND EXISTS
  (SELECT FROM local_file_syncs WHERE local_file_id = $1 AND origin <> 'host')`;

const HELD = `WHERE local_file_id = $1 AND lease_id = $2 AND state = 'uploading'`;

const SKIP = `UPDATE local_file_syncs SET state = 'skipped', next_attempt_at = NULL, attempts = 0, asked = false,
    bytes_done = 0, size_bytes = $3, reason_code = $4, reason = $5 ${HELD}`;

const VANISH = `UPDATE local_file_syncs SET state = 'vanished', next_attempt_at = NULL, attempts = 0, asked = false,
    bytes_done = 0, reason_code = $3, reason = $4 ${HELD}`;

const FAIL = `UPDATE local_file_syncs AS held SET state = $3::varchar,
    next_attempt_at = now() + $4::float8 * interval '1 second', bytes_done = 0, reason_code = $5, reason = $6,
    changed_again = false, failure_told = held.failure_told OR $3 = 'failed'
  FROM (SELECT local_file_id, failure_told FROM local_file_syncs ${HELD} FOR UPDATE) AS before
  WHERE held.local_file_id = before.local_file_id
  RETURNING $3 = 'failed' AND NOT before.failure_told AS is_new`;
