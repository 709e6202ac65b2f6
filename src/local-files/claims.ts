import type { Statements } from '../database/statements.js';

/** A file that this process uploads, as long as it renews its lease. */
export interface Claim {
  readonly localFileId: number;
  readonly userId: number;
  readonly leaseId: string;
  readonly path: string;
  readonly filename: string;
  readonly folder: string;
  /** 1 for the first since the file was synced or changed. */
  readonly attempts: number;
  /** What is in the bucket, if anything is. */
  readonly synced:
    { readonly sizeBytes: number; readonly checksum: string; readonly fileId: number } | undefined;
}

/** Others take a file over when nothing was heard of its uploader for so long. */
const LEASE_SECONDS = 30;
export const RENEW_EVERY_MS = 7_500;

const TAKE = {
  name: 'local_files_take',
  text: `UPDATE local_file_syncs AS taken SET state = 'uploading', lease_id = gen_random_uuid(), attempts = taken.attempts + 1,
      bytes_done = 0, changed_again = false, next_attempt_at = now() + $3 * interval '1 second'
    FROM pixe_files file
    WHERE file.id = taken.local_file_id AND taken.local_file_id = (
      SELECT local_file_id FROM local_file_syncs
        WHERE server_name = $1 AND next_attempt_at <= now() AND user_id <> ALL ($2::integer[])
        ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING taken.local_file_id, taken.user_id, taken.lease_id, file.file_path, file.filename, taken.folder,
      taken.attempts, taken.synced_size_bytes, taken.checksum, taken.cloud_file_id`,
};

const RENEW = {
  name: 'local_files_renew',
  text: `UPDATE local_file_syncs AS held SET next_attempt_at = now() + $3 * interval '1 second', bytes_done = mine.bytes_done
    FROM unnest($1::uuid[], $2::bigint[]) AS mine (lease_id, bytes_done)
    WHERE held.lease_id = mine.lease_id AND held.state = 'uploading'
    RETURNING held.lease_id`,
};

/** What waits long because its bucket did not work. */
const HASTEN = {
  name: 'local_files_hasten',
  text: `UPDATE local_file_syncs SET next_attempt_at = now()
    WHERE server_name = $1 AND user_id = $2 AND state = 'failed' AND next_attempt_at > now()`,
};

/** As if it had not been tried; what changed meanwhile changes nothing. */
const RELEASE = {
  name: 'local_files_release',
  text: `UPDATE local_file_syncs SET state = 'waiting', next_attempt_at = now(), attempts = greatest(attempts - 1, 0),
      bytes_done = 0, changed_again = false
    WHERE local_file_id = $1 AND lease_id = $2 AND state = 'uploading'`,
};

interface TakenRow {
  readonly local_file_id: number;
  readonly user_id: number;
  readonly lease_id: string;
  readonly file_path: string;
  readonly filename: string;
  readonly folder: string;
  readonly attempts: number;
  readonly synced_size_bytes: string | null;
  readonly checksum: string | null;
  readonly cloud_file_id: number | null;
}

/** Who uploads which file now: one uploader a file, in all processes of the server. */
export class Claims {
  constructor(
    private readonly statements: Statements,
    private readonly serverName: string,
  ) {}

  /** The file that has been due the longest. @param exceptUserIds whose files are not to be taken now */
  async take(exceptUserIds: readonly number[]): Promise<Claim | undefined> {
    const values = [this.serverName, exceptUserIds, LEASE_SECONDS];
    const [row] = await this.statements.query<TakenRow>(TAKE, values);
    return row && claimOf(row);
  }

  /** @returns the leases that are still held; the others are somebody else's by now, or their files are gone */
  async renew(
    running: readonly { readonly leaseId: string; readonly bytesDone: number }[],
  ): Promise<Set<string>> {
    const leaseIds = running.map(({ leaseId }) => leaseId);
    const bytesDone = running.map((each) => each.bytesDone);
    const rows = await this.statements.query<{ lease_id: string }>(RENEW, [
      leaseIds,
      bytesDone,
      LEASE_SECONDS,
    ]);
    return new Set(rows.map((row) => row.lease_id));
  }

  /** The user's bucket works again: what failed is due now. */
  async hasten(userId: number): Promise<void> {
    await this.statements.query(HASTEN, [this.serverName, userId]);
  }

  /** Gives a file back that was not tried to its end. */
  async release({ localFileId, leaseId }: Claim): Promise<void> {
    await this.statements.query(RELEASE, [localFileId, leaseId]);
  }
}

function claimOf(row: TakenRow): Claim {
  const { synced_size_bytes: sizeBytes, checksum, cloud_file_id: fileId } = row;
  const isSynced = sizeBytes !== null && checksum !== null && fileId !== null;
  return {
    localFileId: row.local_file_id,
    userId: row.user_id,
    leaseId: row.lease_id,
    path: row.file_path,
    filename: row.filename,
    folder: row.folder,
    attempts: row.attempts,
    synced: isSynced ? { sizeBytes: Number(sizeBytes), checksum, fileId } : undefined,
  };
}
