import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What becomes of local files. `pixe_files` may be the host application's own table: nothing is added to it but a
 * trigger, and only the columns that the implementation guide names are used.
 */
export class LocalFileSync1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of TABLES) await runner.query(statement);
    const [{ schema }] = (await runner.query('SELECT quote_ident(current_schema()) AS schema')) as [
      { schema: string },
    ];
    await runner.query(noteFunction(schema));
    for (const statement of TRIGGERS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const TABLES = [
  // A host application that deletes its row does not delete the cloud file, and is not hindered by it.
  `ALTER TABLE cloud_files DROP CONSTRAINT cloud_files_local_file_id_fkey`,
  `ALTER TABLE cloud_files ADD CONSTRAINT cloud_files_local_file_id_fkey
    FOREIGN KEY (local_file_id) REFERENCES pixe_files(id) ON DELETE SET NULL`,
  `CREATE INDEX cloud_files_local_file_id ON cloud_files (local_file_id) WHERE local_file_id IS NOT NULL`,
  `CREATE TABLE watched_folders (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id INTEGER NOT NULL,
    server_name VARCHAR(255) NOT NULL,
    path TEXT NOT NULL,
    include TEXT[] NOT NULL DEFAULT '{}',
    exclude TEXT[] NOT NULL DEFAULT '{}',
    folder TEXT NOT NULL DEFAULT '',
    problem TEXT,
    unreadable_count INTEGER NOT NULL DEFAULT 0,
    last_walk_at TIMESTAMPTZ,
    version INTEGER NOT NULL DEFAULT 1,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX watched_folders_user_id ON watched_folders (user_id, created_at, id)`,
  `CREATE INDEX watched_folders_server_name ON watched_folders (server_name)`,
  `CREATE TABLE local_file_syncs (
    local_file_id INTEGER PRIMARY KEY REFERENCES pixe_files(id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL,
    origin VARCHAR(6) NOT NULL DEFAULT 'host',
    path_hash VARCHAR(64) NOT NULL,
    server_name VARCHAR(255),
    watched_folder_id UUID REFERENCES watched_folders(id) ON DELETE SET NULL,
    folder TEXT NOT NULL DEFAULT '',
    state VARCHAR(12) NOT NULL DEFAULT 'waiting',
    reason_code VARCHAR(60),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    asked BOOLEAN NOT NULL DEFAULT false,
    next_attempt_at TIMESTAMPTZ,
    lease_id UUID,
    changed_again BOOLEAN NOT NULL DEFAULT false,
    failure_told BOOLEAN NOT NULL DEFAULT false,
    size_bytes BIGINT NOT NULL,
    modified_at TIMESTAMPTZ,
    bytes_done BIGINT NOT NULL DEFAULT 0,
    synced_stamp VARCHAR(80),
    synced_size_bytes BIGINT,
    checksum VARCHAR(64),
    cloud_file_id INTEGER,
    synced_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX local_file_syncs_user_id ON local_file_syncs (user_id, local_file_id)`,
  `CREATE INDEX local_file_syncs_path ON local_file_syncs (user_id, path_hash)`,
  `CREATE INDEX local_file_syncs_due ON local_file_syncs (server_name, next_attempt_at)
    WHERE next_attempt_at IS NOT NULL`,
  `CREATE INDEX local_file_syncs_resting ON local_file_syncs (user_id, state)
    WHERE next_attempt_at IS NULL AND state IN ('waiting', 'failed', 'skipped')`,
  `CREATE INDEX local_file_syncs_unseen ON local_file_syncs (local_file_id) WHERE server_name IS NULL`,
  `CREATE INDEX local_file_syncs_server ON local_file_syncs (server_name, local_file_id)`,
  `CREATE INDEX local_file_syncs_watched_folder_id ON local_file_syncs (watched_folder_id)
    WHERE watched_folder_id IS NOT NULL`,
  // Rows from before: nobody has asked for them, so they wait for auto_upload.
  `INSERT INTO local_file_syncs (local_file_id, user_id, path_hash, size_bytes)
    SELECT id, user_id, encode(sha256(convert_to(file_path, 'UTF8')), 'hex'), file_size FROM pixe_files`,
];

/**
 * Runs with the rights of Stowage's own role, because the host application's may have none on our tables; therefore its
 * search path is fixed. Only a row that says something new is touched: Stowage's own changes are not news.
 */
const noteFunction = (
  schema: string,
) => `CREATE FUNCTION stowage_note_local_file() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = ${schema}, pg_temp AS $$
  BEGIN
    INSERT INTO local_file_syncs AS known (local_file_id, user_id, path_hash, size_bytes, next_attempt_at)
      VALUES (NEW.id, NEW.user_id, encode(sha256(convert_to(NEW.file_path, 'UTF8')), 'hex'), NEW.file_size,
        (SELECT now() FROM sync_settings s WHERE s.user_id = NEW.user_id AND s.sync_on_create))
    ON CONFLICT (local_file_id) DO UPDATE SET
      user_id = excluded.user_id,
      path_hash = excluded.path_hash,
      size_bytes = excluded.size_bytes,
      server_name = CASE WHEN known.path_hash = excluded.path_hash AND known.user_id = excluded.user_id
        THEN known.server_name END,
      cloud_file_id = CASE WHEN known.user_id = excluded.user_id THEN known.cloud_file_id END,
      state = CASE WHEN known.state IN ('uploading', 'unregistered') THEN known.state ELSE 'waiting' END,
      changed_again = known.state = 'uploading',
      reason_code = NULL, reason = NULL, attempts = 0, bytes_done = 0, failure_told = false,
      next_attempt_at = CASE known.state WHEN 'uploading' THEN known.next_attempt_at
        WHEN 'unregistered' THEN NULL ELSE coalesce(excluded.next_attempt_at, known.next_attempt_at) END
      WHERE (known.user_id, known.path_hash, known.size_bytes)
        IS DISTINCT FROM (excluded.user_id, excluded.path_hash, excluded.size_bytes);
    IF FOUND THEN PERFORM pg_notify('local_files', 'file'); END IF;
    RETURN NULL;
  END $$`;

const TRIGGERS = [
  `CREATE FUNCTION stowage_note_sync_settings() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('local_files', 'settings');
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER stowage_note_sync_settings AFTER INSERT OR UPDATE ON sync_settings
    FOR EACH ROW EXECUTE FUNCTION stowage_note_sync_settings()`,
  // Where the table is somebody else's and its owner lets nobody put triggers on it, sweeps alone find new rows.
  `DO $$ BEGIN
    CREATE TRIGGER stowage_note_local_file AFTER INSERT OR UPDATE OF user_id, file_path, file_size ON pixe_files
      FOR EACH ROW EXECUTE FUNCTION stowage_note_local_file();
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'pixe_files belongs to another role, which grants no TRIGGER: its changes are found by sweeps.';
  END $$`,
];

const DOWN = [
  `DROP TRIGGER IF EXISTS stowage_note_local_file ON pixe_files`,
  `DROP TRIGGER stowage_note_sync_settings ON sync_settings`,
  `DROP FUNCTION stowage_note_local_file()`,
  `DROP FUNCTION stowage_note_sync_settings()`,
  `DROP TABLE local_file_syncs`,
  `DROP TABLE watched_folders`,
  `DROP INDEX cloud_files_local_file_id`,
  `ALTER TABLE cloud_files DROP CONSTRAINT cloud_files_local_file_id_fkey`,
  `ALTER TABLE cloud_files ADD CONSTRAINT cloud_files_local_file_id_fkey
    FOREIGN KEY (local_file_id) REFERENCES pixe_files(id)`,
];
