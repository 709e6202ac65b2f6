import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Folders, versions, trash and tags of files, and uploads that last longer than one request. */
export class Files1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `ALTER TABLE cloud_files
    ADD COLUMN folder TEXT NOT NULL DEFAULT '',
    ADD COLUMN tags TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN protected BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN version INTEGER NOT NULL DEFAULT 1,
    ADD COLUMN checksum_source VARCHAR(8) NOT NULL DEFAULT 'server',
    ADD COLUMN trashed_at TIMESTAMPTZ,
    ADD COLUMN trashed_by VARCHAR(9),
    ADD COLUMN restored_at TIMESTAMPTZ,
    ADD COLUMN missing_since TIMESTAMPTZ`,
  // Keys are compared byte by byte, as buckets list them: a listing and the rows are read side by side.
  `ALTER TABLE cloud_files ALTER COLUMN object_key TYPE TEXT COLLATE "C"`,
  // With sizes, so that folders are counted without their rows.
  `CREATE INDEX cloud_files_by_folder ON cloud_files (user_id, folder COLLATE "C", filename COLLATE "C", id)
    INCLUDE (file_size) WHERE state = 'stored'`,
  `CREATE INDEX cloud_files_by_type ON cloud_files (user_id, content_type COLLATE "C", id NULLS FIRST) WHERE state = 'stored'`,
  `CREATE INDEX cloud_files_trash ON cloud_files (user_id, trashed_at, id) WHERE state = 'trashed'`,
  // Files without tags, protection or alarm cost nothing here.
  `CREATE INDEX cloud_files_tags ON cloud_files USING gin (tags) WHERE state = 'stored' AND tags <> '{}'`,
  `CREATE INDEX cloud_files_protected ON cloud_files (user_id, id NULLS FIRST) WHERE state = 'stored' AND protected`,
  `CREATE INDEX cloud_files_missing ON cloud_files (user_id, id NULLS FIRST)
    WHERE state = 'stored' AND missing_since IS NOT NULL`,
  `CREATE INDEX cloud_files_checksum ON cloud_files USING hash (checksum) WHERE state = 'stored'`,
  // Not every PostgreSQL has this extension, or lets us create it; names are then searched without, which takes longer.
  `DO $$ BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX cloud_files_name_search ON cloud_files USING gin (lower(filename) gin_trgm_ops) WHERE state = 'stored';
  EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file OR undefined_object THEN
    RAISE NOTICE 'names of files are searched without an index: %', SQLERRM;
  END $$`,
  // Without this the planner takes every part of a name for rare, and reads all names that have it instead of one page.
  `CREATE STATISTICS cloud_files_names ON (lower(filename)) FROM cloud_files`,
  `DROP INDEX cloud_files_unfinished`,
  `CREATE INDEX cloud_files_unfinished ON cloud_files (state, id) WHERE state IN ('pending', 'deleting')`,
  `CREATE TABLE file_versions (
    id SERIAL PRIMARY KEY,
    file_id INTEGER NOT NULL REFERENCES cloud_files(id),
    user_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    cloud_config_id INTEGER NOT NULL REFERENCES cloud_configs(id),
    object_key TEXT COLLATE "C" NOT NULL,
    file_size BIGINT NOT NULL,
    cloud_url TEXT NOT NULL,
    provider VARCHAR(20) NOT NULL,
    checksum VARCHAR(64),
    checksum_source VARCHAR(8) NOT NULL,
    crc32 BIGINT,
    content_type VARCHAR(255) NOT NULL,
    etag VARCHAR(255),
    state VARCHAR(10) NOT NULL DEFAULT 'kept',
    uploaded_at TIMESTAMPTZ NOT NULL,
    superseded_at TIMESTAMPTZ NOT NULL DEFAULT now()
  )`,
  `CREATE UNIQUE INDEX file_versions_object_key ON file_versions (cloud_config_id, object_key)`,
  `CREATE UNIQUE INDEX file_versions_version ON file_versions (file_id, version)`,
  `CREATE INDEX file_versions_deleting ON file_versions (id) WHERE state = 'deleting'`,
  `CREATE TABLE uploads (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id INTEGER NOT NULL,
    cloud_config_id INTEGER NOT NULL REFERENCES cloud_configs(id),
    kind VARCHAR(6) NOT NULL,
    state VARCHAR(10) NOT NULL DEFAULT 'open',
    object_key TEXT COLLATE "C" NOT NULL,
    filename VARCHAR(255) NOT NULL,
    folder TEXT NOT NULL DEFAULT '',
    content_type VARCHAR(255) NOT NULL,
    tags TEXT[] NOT NULL DEFAULT '{}',
    metadata TEXT,
    size_bytes BIGINT,
    part_bytes BIGINT,
    checksum VARCHAR(64),
    checksum_bound BOOLEAN NOT NULL DEFAULT false,
    md5 VARCHAR(32),
    multipart_id TEXT,
    received_bytes BIGINT NOT NULL DEFAULT 0,
    tail_key TEXT COLLATE "C",
    tail_bytes BIGINT NOT NULL DEFAULT 0,
    crc32 BIGINT,
    computed_checksum VARCHAR(64),
    next_part INTEGER NOT NULL DEFAULT 1,
    replaces_file_id INTEGER,
    file_id INTEGER,
    locked_by UUID,
    locked_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ
  )`,
  `CREATE UNIQUE INDEX uploads_object_key ON uploads (cloud_config_id, object_key)`,
  `CREATE INDEX uploads_user_id ON uploads (user_id, created_at, id)`,
  `CREATE INDEX uploads_open ON uploads (user_id) WHERE ended_at IS NULL`,
  `CREATE INDEX uploads_expiry ON uploads (expires_at) WHERE ended_at IS NULL`,
  `CREATE TABLE upload_parts (
    upload_id UUID NOT NULL REFERENCES uploads(id) ON DELETE CASCADE,
    part_number INTEGER NOT NULL,
    size_bytes BIGINT NOT NULL,
    etag VARCHAR(255) NOT NULL,
    PRIMARY KEY (upload_id, part_number)
  )`,
  // Every object that somebody still needs or may still need; whoever sweeps a bucket asks this view.
  `CREATE VIEW file_object_keys AS
    SELECT cloud_config_id, object_key FROM cloud_files
    UNION ALL SELECT cloud_config_id, object_key FROM file_versions
    UNION ALL SELECT cloud_config_id, object_key FROM uploads WHERE ended_at IS NULL
    UNION ALL SELECT cloud_config_id, tail_key FROM uploads WHERE ended_at IS NULL AND tail_key IS NOT NULL`,
  `ALTER TABLE sync_settings
    ADD COLUMN trash_days INTEGER NOT NULL DEFAULT 30,
    ADD COLUMN keep_versions INTEGER NOT NULL DEFAULT 10`,
];

const DOWN = [
  `ALTER TABLE sync_settings DROP COLUMN trash_days, DROP COLUMN keep_versions`,
  `DROP VIEW file_object_keys`,
  `DROP TABLE upload_parts`,
  `DROP TABLE uploads`,
  `DROP TABLE file_versions`,
  `DROP INDEX cloud_files_unfinished`,
  `DROP STATISTICS cloud_files_names`,
  `DROP INDEX IF EXISTS cloud_files_name_search`,
  `DROP INDEX cloud_files_checksum`,
  `DROP INDEX cloud_files_missing`,
  `DROP INDEX cloud_files_protected`,
  `DROP INDEX cloud_files_tags`,
  `DROP INDEX cloud_files_trash`,
  `DROP INDEX cloud_files_by_type`,
  `DROP INDEX cloud_files_by_folder`,
  `ALTER TABLE cloud_files ALTER COLUMN object_key TYPE TEXT COLLATE "default"`,
  `ALTER TABLE cloud_files DROP COLUMN folder, DROP COLUMN tags, DROP COLUMN protected, DROP COLUMN version,
    DROP COLUMN checksum_source, DROP COLUMN trashed_at, DROP COLUMN trashed_by, DROP COLUMN missing_since`,
  `CREATE INDEX cloud_files_unfinished ON cloud_files (state, id) WHERE state <> 'stored'`,
];
