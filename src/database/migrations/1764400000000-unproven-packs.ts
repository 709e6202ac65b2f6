import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Packs that nobody but the host which stored them has looked into. */
export class UnprovenPacks1764400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE unproven_packs (
      repository_id UUID NOT NULL REFERENCES repositories(id) ON DELETE CASCADE,
      id BYTEA NOT NULL,
      agent_id UUID NOT NULL,
      claims INTEGER NOT NULL DEFAULT 1,
      claimed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
      are_copies_read BOOLEAN NOT NULL DEFAULT false,
      is_suspect BOOLEAN NOT NULL DEFAULT false,
      CONSTRAINT unproven_packs_pkey PRIMARY KEY (repository_id, id)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE unproven_packs');
  }
}
