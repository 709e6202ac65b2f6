import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How much a user may store, what was done with users' buckets, and what the operator says that it costs. */
export class Usage1764300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  'ALTER TABLE users ADD COLUMN quota_bytes BIGINT',
  `CREATE TABLE usage_daily (
    user_id INTEGER NOT NULL,
    day DATE NOT NULL,
    cloud_config_id INTEGER NOT NULL REFERENCES cloud_configs(id),
    request_class VARCHAR(12) NOT NULL,
    requests BIGINT NOT NULL,
    sent_bytes BIGINT NOT NULL,
    received_bytes BIGINT NOT NULL,
    PRIMARY KEY (user_id, day, cloud_config_id, request_class)
  )`,
  // Old days go by this.
  'CREATE INDEX usage_daily_day ON usage_daily (day)',
  `CREATE TABLE price_table (
    provider VARCHAR(20) PRIMARY KEY,
    storage_usd_per_gb_month DOUBLE PRECISION NOT NULL,
    egress_usd_per_gb DOUBLE PRECISION NOT NULL,
    write_usd_per_1000 DOUBLE PRECISION NOT NULL,
    read_usd_per_1000 DOUBLE PRECISION NOT NULL,
    as_of DATE NOT NULL
  )`,
];

const DOWN = [
  'DROP TABLE price_table',
  'DROP TABLE usage_daily',
  'ALTER TABLE users DROP COLUMN quota_bytes',
];
