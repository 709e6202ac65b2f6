import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How much a user may store. */
export class Usage1764300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE users ADD COLUMN quota_bytes BIGINT');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE users DROP COLUMN quota_bytes');
  }
}
