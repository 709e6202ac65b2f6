import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The seeds' three tables with their columns, names and types, and what Stowage keeps besides. */
export class Foundation1763800000000 implements MigrationInterface {
  name = 'Foundation1763800000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    // pixe_files may belong to the host application: it stays.
    for (const table of TABLES.toReversed()) await runner.query(`DROP TABLE IF EXISTS "${table}"`);
  }
}

const TABLES = [
  'installation',
  'users',
  'api_keys',
  'setup_links',
  'audit_log',
  'data_keys',
  'cloud_configs',
  'cloud_files',
  'sync_settings',
  'snapshots',
  'idempotency_keys',
  'rate_limits',
];

const STATEMENTS = [
  `CREATE TABLE installation (
    id SMALLINT PRIMARY KEY CHECK (id = 1),
    installation_id UUID NOT NULL,
    kek_id VARCHAR(16) NOT NULL,
    key_check TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
  )`,
  `CREATE TABLE users (
    id SERIAL PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    disabled_at TIMESTAMPTZ
  )`,
  `CREATE TABLE api_keys (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    parent_id UUID REFERENCES api_keys(id) ON DELETE CASCADE,
    kind VARCHAR(10) NOT NULL,
    name VARCHAR(200) NOT NULL,
    scopes TEXT[] NOT NULL,
    key_hash BYTEA NOT NULL,
    last4 VARCHAR(4) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
  )`,
  `CREATE UNIQUE INDEX api_keys_key_hash ON api_keys (key_hash)`,
  `CREATE INDEX api_keys_user_id ON api_keys (user_id)`,
  `CREATE INDEX api_keys_parent_id ON api_keys (parent_id)`,
  `CREATE TABLE setup_links (
    token_hash BYTEA PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
  )`,
  // No foreign keys: what happened stays written when a user or key is gone.
  `CREATE TABLE audit_log (
    id BIGSERIAL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    user_id INTEGER,
    api_key_id UUID,
    action VARCHAR(60) NOT NULL,
    subject VARCHAR(200) NOT NULL,
    details JSONB NOT NULL DEFAULT '{}',
    address VARCHAR(64),
    request_id VARCHAR(64)
  )`,
  `CREATE INDEX audit_log_user_id ON audit_log (user_id, id)`,
  `CREATE TABLE data_keys (
    id UUID PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    wrapped_key TEXT NOT NULL,
    kek_id VARCHAR(16) NOT NULL,
    encryptions BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX data_keys_user_id ON data_keys (user_id, created_at)`,
  `CREATE INDEX data_keys_kek_id ON data_keys (kek_id)`,
  `CREATE TABLE cloud_configs (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    provider VARCHAR(20) NOT NULL,
    encrypted_config TEXT NOT NULL,
    is_active BOOLEAN DEFAULT true,
    created_at TIMESTAMP DEFAULT NOW(),
    updated_at TIMESTAMP DEFAULT NOW(),
    bucket_name VARCHAR(255) NOT NULL,
    settings JSONB NOT NULL DEFAULT '{}',
    secret_hints JSONB NOT NULL DEFAULT '{}',
    capabilities JSONB NOT NULL DEFAULT '{}',
    version INTEGER NOT NULL DEFAULT 1,
    last_test TIMESTAMPTZ,
    last_test_success BOOLEAN,
    forgotten_at TIMESTAMPTZ
  )`,
  `CREATE UNIQUE INDEX cloud_configs_one_active ON cloud_configs (user_id) WHERE is_active`,
  `CREATE INDEX cloud_configs_user_id ON cloud_configs (user_id, id)`,
  `CREATE TABLE IF NOT EXISTS pixe_files (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    filename VARCHAR(255) NOT NULL,
    file_path TEXT NOT NULL,
    file_size BIGINT NOT NULL,
    created_at TIMESTAMP DEFAULT NOW()
  )`,
  `CREATE TABLE cloud_files (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    local_file_id INTEGER REFERENCES pixe_files(id),
    filename VARCHAR(255) NOT NULL,
    file_size BIGINT NOT NULL,
    cloud_url TEXT NOT NULL,
    provider VARCHAR(20) NOT NULL,
    checksum VARCHAR(64),
    uploaded_at TIMESTAMP DEFAULT NOW(),
    last_accessed TIMESTAMP,
    cloud_config_id INTEGER NOT NULL REFERENCES cloud_configs(id),
    object_key TEXT NOT NULL,
    content_type VARCHAR(255) NOT NULL DEFAULT 'application/octet-stream',
    etag VARCHAR(255),
    state VARCHAR(10) NOT NULL DEFAULT 'stored',
    upload_id TEXT,
    crc32 BIGINT
  )`,
  `CREATE UNIQUE INDEX cloud_files_object_key ON cloud_files (cloud_config_id, object_key)`,
  // NULLS FIRST, although there are none: a listing that asks for it cannot be read from the primary key, which PostgreSQL
  // takes where most rows are one user's, and in which all newer rows of everybody else come first.
  `CREATE INDEX cloud_files_listing ON cloud_files (user_id, id NULLS FIRST) WHERE state = 'stored'`,
  `CREATE INDEX cloud_files_by_time ON cloud_files (user_id, uploaded_at, id) WHERE state = 'stored'`,
  `CREATE INDEX cloud_files_by_size ON cloud_files (user_id, file_size, id) WHERE state = 'stored'`,
  // Names are sorted and searched by prefix byte by byte, whatever the database's own collation is.
  `CREATE INDEX cloud_files_by_name ON cloud_files (user_id, filename COLLATE "C", id) WHERE state = 'stored'`,
  `CREATE INDEX cloud_files_unfinished ON cloud_files (state, id) WHERE state <> 'stored'`,
  `CREATE TABLE sync_settings (
    user_id INTEGER PRIMARY KEY,
    auto_upload BOOLEAN DEFAULT false,
    sync_on_create BOOLEAN DEFAULT false,
    retention_days INTEGER DEFAULT 365,
    max_file_size BIGINT DEFAULT 104857600,
    version INTEGER NOT NULL DEFAULT 1
  )`,
  `CREATE TABLE snapshots (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id INTEGER NOT NULL,
    cloud_config_id INTEGER NOT NULL REFERENCES cloud_configs(id),
    state VARCHAR(12) NOT NULL,
    stored_bytes BIGINT NOT NULL DEFAULT 0,
    received_at TIMESTAMPTZ NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX snapshots_user_id ON snapshots (user_id, received_at)`,
  `CREATE TABLE idempotency_keys (
    user_id INTEGER NOT NULL,
    key VARCHAR(255) NOT NULL,
    fingerprint BYTEA NOT NULL,
    state VARCHAR(12) NOT NULL,
    attempt UUID NOT NULL,
    locked_until TIMESTAMPTZ NOT NULL,
    status SMALLINT,
    headers JSONB,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
  )`,
  `CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at)`,
  // Counters may be lost in a crash of the database: they only limit rates.
  `CREATE UNLOGGED TABLE rate_limits (
    subject VARCHAR(100) NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    requests INTEGER NOT NULL,
    PRIMARY KEY (subject, window_start)
  )`,
];
