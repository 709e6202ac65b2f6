import { randomUUID } from 'node:crypto';
import type { OpenedConfig } from '../../../src/credentials/cloud-storages.service.js';
import { Statements } from '../../../src/database/statements.js';
import { BucketEpochs } from '../../../src/files/epoch/bucket-epochs.js';
import { databaseIdentity } from '../../../src/files/epoch/database-identity.js';
import { EpochRows } from '../../../src/files/epoch/epoch-rows.js';
import { sweepBucket, type SweepOutcome } from '../../../src/files/sweeps/sweep-bucket.js';
import { SweepRows } from '../../../src/files/sweeps/sweep-rows.service.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import type { WebhookEvent } from '../../../src/webhooks/event-types.js';
import type { Webhooks } from '../../../src/webhooks/webhooks.service.js';
import { UploadServer, USER_ID } from './upload-server.js';

export const HOUR_MS = 3_600_000;
const INSTALLATION = randomUUID();

/** A bucket, its rows and what sweeps them, with a clock that both sides share. */
export class SweepWorld {
  aheadMs = 0;
  readonly told: WebhookEvent[] = [];
  readonly rows: SweepRows;

  private constructor(readonly server: UploadServer) {
    const webhooks = { emit: async (_: unknown, event: WebhookEvent) => void this.told.push(event) };
    this.rows = new SweepRows(server.statements, server.dataSource, webhooks as unknown as Webhooks);
  }

  static async start(): Promise<SweepWorld> {
    const now = () => Date.now() + made.aheadMs;
    const made: SweepWorld = new SweepWorld(await UploadServer.start({ now: () => now() }));
    return made;
  }

  now(): number {
    return Date.now() + this.aheadMs;
  }

  opened(storage: ObjectStorage = this.server.storage): OpenedConfig {
    return { configId: 1, provider: 's3_compatible', bucketName: 'stowage-test', storage };
  }

  epochs(statements: Statements = this.server.statements): BucketEpochs {
    return new BucketEpochs({
      rows: new EpochRows(statements),
      installationId: () => INSTALLATION,
      databaseId: () => databaseIdentity(statements),
      now: () => this.now(),
    });
  }

  sweep(options: { storage?: ObjectStorage; epochs?: BucketEpochs } = {}): Promise<SweepOutcome> {
    const deps = { rows: this.rows, epochs: options.epochs ?? this.epochs(), now: () => this.now() };
    const runId = randomUUID();
    return sweepBucket(deps, this.opened(options.storage), { runId, signal: new AbortController().signal });
  }

  /** Twice, as far apart as it takes for what was seen to be proven. */
  async sweepTwice(): Promise<SweepOutcome> {
    await this.sweep();
    this.aheadMs += 2 * HOUR_MS;
    return this.sweep();
  }

  key(): string {
    return `f/${randomUUID()}/${randomUUID()}`;
  }

  async put(key = this.key()): Promise<string> {
    await this.server.storage.put(key, Buffer.from('x'), { sizeBytes: 1 });
    return key;
  }

  /** Whole files. @returns their keys */
  async files(count: number): Promise<string[]> {
    const keys: string[] = [];
    for (let at = 0; at < count; at += 1) keys.push(await this.put());
    const name = 'test_files';
    await this.server.statements.query(
      {
        name,
        text: `INSERT INTO cloud_files
            (user_id, cloud_config_id, provider, object_key, filename, file_size, cloud_url, uploaded_at)
          SELECT ${USER_ID}, 1, 's3_compatible', key, 'file', 1, '', $2 FROM unnest($1::text[]) key`,
      },
      [keys, new Date(this.now()).toISOString()],
    );
    return keys;
  }

  async query<Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> {
    return this.server.dataSource.query(text, values);
  }

  async keys(): Promise<string[]> {
    const { objects } = await this.server.storage.listPage({ prefix: 'f/' });
    return objects.map(({ key }) => key);
  }

  deletions(): number {
    const { log } = this.server.bucket;
    return log.of('DeleteObject').length + log.of('DeleteObjects').length;
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
