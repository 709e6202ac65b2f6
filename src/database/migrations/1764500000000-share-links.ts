import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Links by which others download a file, and who has begun to. */
export class ShareLinks1764500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `CREATE TABLE share_links (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL REFERENCES cloud_files(id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL,
    label VARCHAR(200),
    disposition VARCHAR(10) NOT NULL,
    filename VARCHAR(255),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    max_downloads INTEGER,
    download_count BIGINT NOT NULL DEFAULT 0,
    last_accessed_at TIMESTAMPTZ,
    CONSTRAINT share_links_max_downloads CHECK (download_count <= max_downloads)
  )`,
  'CREATE UNIQUE INDEX share_links_token_hash ON share_links (token_hash)',
  'CREATE INDEX share_links_listing ON share_links (user_id, id)',
  // Also finds them when a file goes for good.
  'CREATE INDEX share_links_file_id ON share_links (file_id, id)',
  `CREATE TABLE share_downloads (
    share_id INTEGER NOT NULL REFERENCES share_links(id) ON DELETE CASCADE,
    client BYTEA NOT NULL,
    begun_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (share_id, client)
  )`,
  // Old ones go by this.
  'CREATE INDEX share_downloads_begun_at ON share_downloads (begun_at)',
];

const DOWN = ['DROP TABLE share_downloads', 'DROP TABLE share_links'];
