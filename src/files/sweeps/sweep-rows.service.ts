import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Statements } from '../../database/statements.js';
import { Webhooks } from '../../webhooks/webhooks.service.js';
import { namedAnywhere, namedKeys, namedUploads } from '../named-keys.js';
import type { LiveRow, Sighting } from './plan-sweep.js';
import type { SweptRows, UnfinishedUploadRow } from './sweep-bucket.js';
import type { SightingKind } from './sweep-sighting.entity.js';

/** Of all configurations that share their place with $1, as far as they were used. */
const OF_PLACE = `cloud_config_id IN (SELECT $1::integer UNION SELECT one.cloud_config_id FROM swept_configs one
  JOIN swept_configs other USING (bucket_id) WHERE other.cloud_config_id = $1)`;

const LIVE = {
  name: 'sweep_live_rows',
  text: `SELECT 'file' AS kind, id, object_key, uploaded_at AT TIME ZONE 'UTC' AS stored_at,
      missing_since IS NOT NULL AS is_missing
    FROM cloud_files WHERE ${OF_PLACE} AND state IN ('stored', 'trashed') AND object_key > $2 AND object_key <= $3
    UNION ALL SELECT 'version', id, object_key, superseded_at, missing_since IS NOT NULL
    FROM file_versions WHERE ${OF_PLACE} AND state = 'kept' AND object_key > $2 AND object_key <= $3
    ORDER BY object_key LIMIT $4`,
};

const SIGHTINGS = {
  name: 'sweep_sightings',
  text: 'SELECT kind, name, mark, first_seen_at, confirmed FROM sweep_sightings WHERE bucket_id = $1',
};

const FORGET_SIGHTINGS = `DELETE FROM sweep_sightings s WHERE bucket_id = $1 AND NOT EXISTS (
  SELECT FROM unnest($2::text[], $3::text[]) AS seen (kind, name) WHERE seen.kind = s.kind AND seen.name = s.name)`;

/** One that was confirmed meanwhile stays so. */
const SAVE_SIGHTINGS = `INSERT INTO sweep_sightings AS s (bucket_id, run_id, kind, name, mark, first_seen_at)
  SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[])
  ON CONFLICT (bucket_id, kind, name) DO UPDATE SET run_id = excluded.run_id, mark = excluded.mark,
    first_seen_at = excluded.first_seen_at, confirmed = s.confirmed AND s.mark = excluded.mark`;

/** Only while they still name this object. */
const MISSING = `UPDATE cloud_files f SET missing_since = $3 FROM unnest($1::integer[], $2::text[]) AS lost (id, key)
  WHERE f.id = lost.id AND f.object_key = lost.key AND f.state IN ('stored', 'trashed') AND f.missing_since IS NULL
  RETURNING f.id, f.user_id, f.filename, f.version`;

const MISSING_VERSIONS = `WITH changed AS (
    UPDATE file_versions v SET missing_since = $3 FROM unnest($1::integer[], $2::text[]) AS lost (id, key)
      WHERE v.id = lost.id AND v.object_key = lost.key AND v.state = 'kept' AND v.missing_since IS NULL
      RETURNING v.file_id, v.user_id, v.version
  ) SELECT changed.file_id AS id, changed.user_id, f.filename, changed.version
    FROM changed JOIN cloud_files f ON f.id = changed.file_id`;

const FOUND = {
  name: 'sweep_found',
  text: `WITH files AS (
      UPDATE cloud_files SET missing_since = NULL
        WHERE id = ANY($1::integer[]) AND missing_since IS NOT NULL RETURNING 1
    ), versions AS (
      UPDATE file_versions SET missing_since = NULL
        WHERE id = ANY($2::integer[]) AND missing_since IS NOT NULL RETURNING 1
    ) SELECT (SELECT count(*) FROM files) + (SELECT count(*) FROM versions) AS changed`,
};

const UNFINISHED = {
  name: 'sweep_unfinished',
  text: `SELECT id, object_key, upload_id FROM cloud_files
    WHERE state = 'pending' AND ${OF_PLACE} AND uploaded_at < ($2::timestamptz AT TIME ZONE 'UTC')
    ORDER BY id LIMIT $3`,
};

const DOOM = {
  name: 'sweep_doom',
  text: `UPDATE cloud_files SET state = 'deleting' WHERE id = $1 AND state = 'pending' RETURNING id`,
};

const REMOVE = {
  name: 'sweep_remove',
  text: `DELETE FROM cloud_files WHERE id = $1 AND state = 'deleting'`,
};

/** What a sweep reads and writes, in PostgreSQL. */
@Injectable()
export class SweepRows implements SweptRows {
  constructor(
    private readonly statements: Statements,
    private readonly database: DataSource,
    private readonly webhooks: Webhooks,
  ) {}

  namedKeys(configId: number, keys: readonly string[]): Promise<ReadonlySet<string>> {
    return namedKeys(this.statements, configId, keys);
  }

  namedAnywhere(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return namedAnywhere(this.statements, keys);
  }

  namedUploads(uploadIds: readonly string[]): Promise<ReadonlySet<string>> {
    return namedUploads(this.statements, uploadIds);
  }

  async liveBetween(configId: number, after: string, to: string, limit: number): Promise<LiveRow[]> {
    const rows = await this.statements.query<LiveRecord>(LIVE, [configId, after, to, limit]);
    return rows.map((row) => ({
      kind: row.kind,
      id: row.id,
      objectKey: row.object_key,
      storedAtMs: row.stored_at.getTime(),
      isMissing: row.is_missing,
    }));
  }

  async sightings(bucketId: string): Promise<Sighting[]> {
    const rows = await this.statements.query<SightingRecord>(SIGHTINGS, [bucketId]);
    return rows.map(({ kind, name, mark, first_seen_at, confirmed }) => ({
      kind,
      name,
      mark,
      firstSeenMs: first_seen_at.getTime(),
      confirmed,
    }));
  }

  async saveSightings(bucketId: string, runId: string, sightings: readonly Sighting[]): Promise<void> {
    const kinds = sightings.map(({ kind }) => kind);
    const names = sightings.map(({ name }) => name);
    const marks = sightings.map(({ mark }) => mark);
    const times = sightings.map(({ firstSeenMs }) => new Date(firstSeenMs).toISOString());
    await this.database.transaction(async (manager) => {
      await manager.query(FORGET_SIGHTINGS, [bucketId, kinds, names]);
      await manager.query(SAVE_SIGHTINGS, [bucketId, runId, kinds, names, marks, times]);
    });
  }

  async markMissing(rows: readonly LiveRow[], atMs: number): Promise<number> {
    if (rows.length === 0) return 0;
    return this.database.transaction(async (manager) => {
      const [files] = await manager.query<[MissingRecord[], number]>(MISSING, valuesOf(rows, 'file', atMs));
      const versions = await manager.query<MissingRecord[]>(
        MISSING_VERSIONS,
        valuesOf(rows, 'version', atMs),
      );
      for (const one of [...files, ...versions]) await this.tell(manager, one, atMs);
      return files.length + versions.length;
    });
  }

  async markFound(rows: readonly LiveRow[]): Promise<number> {
    if (rows.length === 0) return 0;
    const ids = (kind: LiveRow['kind']) => rows.filter((row) => row.kind === kind).map(({ id }) => id);
    const [row] = await this.statements.query<{ changed: string }>(FOUND, [ids('file'), ids('version')]);
    return Number(row!.changed);
  }

  async unfinished(configId: number, beforeMs: number, limit: number): Promise<UnfinishedUploadRow[]> {
    const values = [configId, new Date(beforeMs).toISOString(), limit];
    const rows = await this.statements.query<UnfinishedRecord>(UNFINISHED, values);
    return rows.map((row) => ({
      id: row.id,
      objectKey: row.object_key,
      uploadId: row.upload_id,
    }));
  }

  async doom(id: number): Promise<boolean> {
    return (await this.statements.query(DOOM, [id])).length === 1;
  }

  async remove(id: number): Promise<void> {
    await this.statements.query(REMOVE, [id]);
  }

  private tell(manager: EntityManager, row: MissingRecord, atMs: number): Promise<void> {
    const { id: file_id, user_id: userId, filename, version } = row;
    const missing_since = new Date(atMs).toISOString();
    const data = { file_id, filename, version, missing_since };
    return this.webhooks.emit(manager, { userId, type: 'file.missing', data });
  }
}

interface LiveRecord {
  readonly kind: LiveRow['kind'];
  readonly id: number;
  readonly object_key: string;
  readonly stored_at: Date;
  readonly is_missing: boolean;
}

interface SightingRecord {
  readonly kind: SightingKind;
  readonly name: string;
  readonly mark: string;
  readonly first_seen_at: Date;
  readonly confirmed: boolean;
}

interface MissingRecord {
  /** Of the file. */
  readonly id: number;
  readonly user_id: number;
  readonly filename: string;
  readonly version: number;
}

interface UnfinishedRecord {
  readonly id: number;
  readonly object_key: string;
  readonly upload_id: string | null;
}

function valuesOf(rows: readonly LiveRow[], kind: LiveRow['kind'], atMs: number): unknown[] {
  const some = rows.filter((row) => row.kind === kind);
  return [some.map(({ id }) => id), some.map(({ objectKey }) => objectKey), new Date(atMs).toISOString()];
}
