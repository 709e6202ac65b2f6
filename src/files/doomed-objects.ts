import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import type { Statements } from '../database/statements.js';
import type { RestingBuckets } from './resting-buckets.js';

/** A row whose state is `deleting`, and the object that goes before it. */
export interface DoomedRow {
  readonly id: number;
  readonly user_id: number;
  readonly cloud_config_id: number;
  readonly object_key: string;
}

const VERSIONS_OF = {
  name: 'files_versions_of_deleted',
  text: `SELECT id, user_id, cloud_config_id, object_key FROM file_versions WHERE file_id = $1 ORDER BY id`,
};
const REMOVE_FILE = {
  name: 'files_remove_deleted',
  text: `DELETE FROM cloud_files WHERE id = $1 AND state = 'deleting'`,
};
const REMOVE_VERSION = { name: 'files_remove_version', text: `DELETE FROM file_versions WHERE id = $1` };

export interface RemoveOptions {
  /** For each call to a bucket. */
  readonly callMs?: number;
  /** Buckets that are not asked again; one that fails becomes one of them. */
  readonly resting?: RestingBuckets;
}

/**
 * The second half of each deletion: rows are invisible already, their objects go, then the rows. All of it may be
 * repeated, also by two processes at once.
 */
export class DoomedObjects {
  /** @param bucketOf the bucket that a configuration of a user names */
  constructor(
    private readonly statements: Statements,
    private readonly bucketOf: (userId: number, configId: number) => Promise<Pick<OpenedConfig, 'storage'>>,
  ) {}

  /** A file and all of its versions. @throws CredentialsError, StorageError */
  async removeFile(file: DoomedRow, options: RemoveOptions = {}): Promise<void> {
    const versions = await this.statements.query<DoomedRow>(VERSIONS_OF, [file.id]);
    for (const version of versions) await this.removeVersion(version, options);
    await this.removeObject(file, options);
    await this.statements.query(REMOVE_FILE, [file.id]);
  }

  /** One version; its file stays. @throws CredentialsError, StorageError */
  async removeVersion(version: DoomedRow, options: RemoveOptions = {}): Promise<void> {
    await this.removeObject(version, options);
    await this.statements.query(REMOVE_VERSION, [version.id]);
  }

  private async removeObject(row: DoomedRow, { callMs, resting }: RemoveOptions): Promise<void> {
    const { user_id: userId, cloud_config_id: configId, object_key: key } = row;
    if (resting?.has(configId)) throw resting.failureOf(configId);
    try {
      const { storage } = await this.bucketOf(userId, configId);
      await storage.delete(key, callMs === undefined ? {} : { signal: AbortSignal.timeout(callMs) });
    } catch (error) {
      resting?.noteFailure(configId, error);
      throw error;
    }
  }
}
