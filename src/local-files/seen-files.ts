import type { BigIntStats } from 'node:fs';
import type { Statements } from '../database/statements.js';
import { stampOf } from './local-content.js';
import type { LocalFileState } from './local-file-sync.entity.js';

/** What is known of a file, to be compared with what lies on the disk. */
export interface KnownFile {
  readonly local_file_id: number;
  readonly state: LocalFileState;
  readonly size_bytes: string;
  readonly synced_stamp: string | null;
}

export const KNOWN_COLUMNS = 's.local_file_id, s.state, s.size_bytes, s.synced_stamp';

/** A change that comes while the file is uploaded is looked at after that. */
const CHANGED = {
  name: 'local_files_changed',
  text: `UPDATE local_file_syncs AS held SET
      state = CASE WHEN state = 'uploading' THEN state ELSE 'waiting' END,
      changed_again = state = 'uploading',
      next_attempt_at = CASE WHEN state = 'uploading' THEN next_attempt_at ELSE coalesce(
        (SELECT now() FROM sync_settings s WHERE s.user_id = held.user_id AND s.sync_on_create), next_attempt_at) END,
      size_bytes = $2, modified_at = $3, reason_code = NULL, reason = NULL, attempts = 0, failure_told = false
    WHERE local_file_id = $1 AND state <> 'unregistered'
      AND NOT (state = 'waiting' AND size_bytes = $2 AND modified_at IS NOT DISTINCT FROM $3)`,
};

const VANISHED = {
  name: 'local_files_vanished',
  text: `UPDATE local_file_syncs SET state = 'vanished', next_attempt_at = NULL, attempts = 0, asked = false,
      reason_code = 'local_file_not_found', reason = $2
    WHERE local_file_id = $1 AND state NOT IN ('uploading', 'unregistered', 'vanished')`,
};

const BACK = {
  name: 'local_files_back',
  text: `UPDATE local_file_syncs SET state = 'synced', reason_code = NULL, reason = NULL
    WHERE local_file_id = $1 AND state = 'vanished' AND synced_stamp = $2`,
};

const GONE = 'The file is not there any more. Its cloud file stays.';

/** Writes down what was seen of known files on the disk, when that is news. */
export class SeenFiles {
  constructor(private readonly statements: Statements) {}

  async present(known: KnownFile, stats: BigIntStats): Promise<void> {
    const stamp = stampOf(stats);
    if (known.synced_stamp === stamp) {
      if (known.state === 'vanished') await this.statements.query(BACK, [known.local_file_id, stamp]);
      return;
    }
    if (!isNews(known, stats)) return;
    const modifiedAt = new Date(Number(stats.mtimeMs));
    await this.statements.query(CHANGED, [known.local_file_id, stats.size.toString(), modifiedAt]);
  }

  async absent({ local_file_id: id, state }: KnownFile): Promise<void> {
    if (state !== 'vanished') await this.statements.query(VANISHED, [id, GONE]);
  }
}

/** What waits anyway is read as it will be by then; what was skipped or failed is another case with another length. */
function isNews({ state, size_bytes: sizeBytes }: KnownFile, stats: BigIntStats): boolean {
  switch (state) {
    case 'synced':
    case 'vanished':
    case 'uploading':
      return true;
    case 'waiting':
    case 'skipped':
    case 'failed':
      return BigInt(sizeBytes) !== stats.size;
    case 'unregistered':
      return false;
  }
}
