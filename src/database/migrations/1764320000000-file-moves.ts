import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Moving all files of a user into another bucket. */
export class FileMoves1764320000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const KEYS = `CREATE OR REPLACE VIEW file_object_keys AS
    SELECT cloud_config_id, object_key FROM cloud_files
    UNION ALL SELECT cloud_config_id, object_key FROM file_versions
    UNION ALL SELECT cloud_config_id, object_key FROM uploads WHERE ended_at IS NULL
    UNION ALL SELECT cloud_config_id, tail_key FROM uploads WHERE ended_at IS NULL AND tail_key IS NOT NULL`;

const UP = [
  `CREATE TABLE file_moves (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id INTEGER NOT NULL,
    target_config_id INTEGER NOT NULL REFERENCES cloud_configs(id),
    state VARCHAR(11) NOT NULL DEFAULT 'planned',
    job_id UUID,
    skip_failed BOOLEAN NOT NULL DEFAULT false,
    problem_code VARCHAR(60),
    problem TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    started_at TIMESTAMPTZ,
    switched_at TIMESTAMPTZ,
    moved_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ
  )`,
  `CREATE INDEX file_moves_user_id ON file_moves (user_id, created_at, id)`,
  `CREATE UNIQUE INDEX file_moves_one_at_a_time ON file_moves (user_id) WHERE ended_at IS NULL`,
  `CREATE TABLE file_move_items (
    move_id UUID NOT NULL REFERENCES file_moves(id) ON DELETE CASCADE,
    source_config_id INTEGER NOT NULL REFERENCES cloud_configs(id),
    source_key TEXT NOT NULL,
    target_key TEXT NOT NULL,
    state VARCHAR(7) NOT NULL DEFAULT 'copying',
    size_bytes BIGINT NOT NULL,
    upload_id TEXT,
    checksum VARCHAR(64),
    crc32 BIGINT,
    etag VARCHAR(255),
    cloud_url TEXT,
    error_code VARCHAR(60),
    PRIMARY KEY (move_id, source_config_id, source_key)
  )`,
  // Until a move has ended, its copies are needed, and so are the objects that it has made copies of.
  `${KEYS}
    UNION ALL SELECT move.target_config_id, item.target_key
      FROM file_moves move JOIN file_move_items item ON item.move_id = move.id WHERE move.ended_at IS NULL
    UNION ALL SELECT item.source_config_id, item.source_key
      FROM file_moves move JOIN file_move_items item ON item.move_id = move.id WHERE move.ended_at IS NULL`,
];

const DOWN = [KEYS, 'DROP TABLE file_move_items', 'DROP TABLE file_moves'];
