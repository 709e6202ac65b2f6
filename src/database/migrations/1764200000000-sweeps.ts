import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What guards and reports the deletions that nobody asks for one by one: epochs, sweeps, retention. */
export class Sweeps1764200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `CREATE TABLE bucket_epochs (
    id UUID PRIMARY KEY,
    place VARCHAR(64) NOT NULL,
    epoch_id UUID NOT NULL,
    previous_epoch_id UUID,
    counter BIGINT NOT NULL,
    database_id VARCHAR(80) NOT NULL,
    written_at TIMESTAMPTZ NOT NULL,
    clock_offset_ms BIGINT NOT NULL DEFAULT 0
  )`,
  `CREATE UNIQUE INDEX bucket_epochs_place ON bucket_epochs (place)`,
  `CREATE TABLE swept_configs (
    cloud_config_id INTEGER PRIMARY KEY REFERENCES cloud_configs(id) ON DELETE CASCADE,
    bucket_id UUID REFERENCES bucket_epochs(id) ON DELETE SET NULL,
    looked_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    sweep_after TIMESTAMPTZ NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX swept_configs_bucket_id ON swept_configs (bucket_id)`,
  `CREATE INDEX swept_configs_sweep_after ON swept_configs (sweep_after)`,
  `CREATE TABLE sweep_runs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id INTEGER NOT NULL,
    cloud_config_id INTEGER NOT NULL REFERENCES cloud_configs(id) ON DELETE CASCADE,
    bucket_id UUID REFERENCES bucket_epochs(id) ON DELETE SET NULL,
    state VARCHAR(10) NOT NULL,
    stop_code VARCHAR(60),
    stop_detail TEXT,
    scanned_objects BIGINT NOT NULL DEFAULT 0,
    candidate_objects BIGINT NOT NULL DEFAULT 0,
    deleted_objects BIGINT NOT NULL DEFAULT 0,
    deleted_bytes BIGINT NOT NULL DEFAULT 0,
    aborted_uploads BIGINT NOT NULL DEFAULT 0,
    removed_rows BIGINT NOT NULL DEFAULT 0,
    missing_files BIGINT NOT NULL DEFAULT 0,
    found_files BIGINT NOT NULL DEFAULT 0,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL
  )`,
  `CREATE INDEX sweep_runs_user_id ON sweep_runs (user_id, started_at, id)`,
  `CREATE INDEX sweep_runs_cloud_config_id ON sweep_runs (cloud_config_id, started_at)`,
  // What the last complete listing of a bucket showed and did not yet prove: only a second one may act on it.
  `CREATE TABLE sweep_sightings (
    bucket_id UUID NOT NULL REFERENCES bucket_epochs(id) ON DELETE CASCADE,
    kind VARCHAR(10) NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    mark TEXT NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    run_id UUID NOT NULL,
    confirmed BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (bucket_id, kind, name)
  )`,
  `ALTER TABLE file_versions ADD COLUMN missing_since TIMESTAMPTZ`,
  `CREATE TABLE retention_states (
    user_id INTEGER PRIMARY KEY,
    retention_days INTEGER NOT NULL,
    state VARCHAR(10) NOT NULL,
    detail TEXT,
    next_run_at TIMESTAMPTZ NOT NULL,
    checked_at TIMESTAMPTZ,
    planned_files BIGINT,
    planned_bytes BIGINT,
    planned_cutoff TIMESTAMPTZ,
    confirmed BOOLEAN NOT NULL DEFAULT false,
    last_trashed_files BIGINT NOT NULL DEFAULT 0,
    last_trashed_at TIMESTAMPTZ
  )`,
  `CREATE INDEX retention_states_next_run_at ON retention_states (next_run_at)`,
];

const DOWN = [
  `DROP TABLE retention_states`,
  `ALTER TABLE file_versions DROP COLUMN missing_since`,
  `DROP TABLE sweep_sightings`,
  `DROP TABLE sweep_runs`,
  `DROP TABLE swept_configs`,
  `DROP TABLE bucket_epochs`,
];
