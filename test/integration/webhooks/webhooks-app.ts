import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Global, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { newApiKey } from '../../../src/auth/api-key-format.js';
import { AuthModule } from '../../../src/auth/auth.module.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { Config } from '../../../src/config/config.js';
import { Environment } from '../../../src/config/environment.js';
import { SnapshotStats } from '../../../src/credentials/snapshot-stats.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { createApp } from '../../../src/http/app.factory.js';
import { HttpModule } from '../../../src/http/http.module.js';
import { createLog } from '../../../src/telemetry/log.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';
import { WebhooksModule } from '../../../src/webhooks/webhooks.module.js';
import { Webhooks } from '../../../src/webhooks/webhooks.service.js';
import type { WebhookDeliveryDto } from '../../../src/webhooks/webhooks.dto.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

type Answer = Awaited<ReturnType<NestFastifyApplication['inject']>>;
type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** Settings of buckets ask for statistics; here nobody asks for settings. */
@Global()
@Module({
  providers: [{ provide: SnapshotStats, useValue: {} }],
  exports: [SnapshotStats],
})
class NoSnapshotsModule {}

/** All that webhooks need in this process, below the real HTTP layer, with everything that it logs. */
export class WebhooksApp {
  private constructor(
    private readonly app: NestFastifyApplication,
    private readonly testDatabase: TestDatabase,
    private readonly dataDir: string,
    readonly adminKey: string,
    readonly log: string[],
  ) {}

  static async start(allowedPrivateEndpoints: string[]): Promise<WebhooksApp> {
    const testDatabase = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'stowage-webhooks-'));
    const adminKey = newApiKey('admin');
    const environment = Object.assign(new Environment(), {
      DATABASE_URL: testDatabase.url,
      DATABASE_POOL_SIZE: 8,
      DATA_DIR: dataDir,
      ENCRYPTION_KEY: randomBytes(32).toString('hex'),
      STOWAGE_ADMIN_KEY: adminKey,
      ALLOWED_PRIVATE_ENDPOINTS: allowedPrivateEndpoints,
    });
    const log: string[] = [];
    const keep = new Writable({ write: (chunk: Buffer, _, done) => (log.push(chunk.toString()), done()) });
    const imports = [
      ConfigModule.forRoot(environment),
      TelemetryModule,
      DatabaseModule.forRoot(dataSourceOptions),
      AuthModule,
      NoSnapshotsModule,
      WebhooksModule,
      HttpModule,
    ];
    const module = { module: class WebhooksAppModule {}, imports };
    const { app } = await createApp(module, new Config(environment), createLog('trace', keep));
    await app.init();
    return new WebhooksApp(app, testDatabase, dataDir, adminKey, log);
  }

  get database(): DataSource {
    return this.app.get(DataSource);
  }

  get webhooks(): Webhooks {
    return this.app.get(Webhooks, { strict: false });
  }

  send(
    method: Method,
    path: string,
    { key = this.adminKey, payload, headers = {} }: SendOptions = {},
  ): Promise<Answer> {
    const authorization = `Bearer ${key}`;
    return this.app.inject({
      method,
      url: `/api/v1${path}`,
      payload,
      headers: { authorization, ...headers },
    });
  }

  /** @returns the body of an answer that must have this status */
  async ok<T>(expected: number, method: Method, path: string, options?: SendOptions): Promise<T> {
    const { statusCode, body } = await this.send(method, path, options);
    if (statusCode !== expected) throw new Error(`Expected ${expected}, got ${statusCode}: ${body}`);
    return (body === '' ? undefined : JSON.parse(body)) as T;
  }

  async openapi(): Promise<string> {
    return (await this.app.inject({ method: 'GET', url: '/api/openapi.json' })).body;
  }

  /** A key of a new user. */
  async newUser(): Promise<{ userId: number; key: string }> {
    const { id } = await this.ok<{ id: number }>(201, 'POST', '/users', { payload: { name: 'Somebody' } });
    const payload = { name: 'Key', user_id: id };
    const { key } = await this.ok<{ key: string }>(201, 'POST', '/api-keys', { payload });
    return { userId: id, key };
  }

  /** The newest deliveries of a webhook, as soon as `holds` says so. */
  async deliveries(
    webhookId: string,
    key: string,
    holds: (found: WebhookDeliveryDto[]) => boolean,
    timeoutMs = 30_000,
  ): Promise<WebhookDeliveryDto[]> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const path = `/webhooks/${webhookId}/deliveries`;
      const { data } = await this.ok<{ data: WebhookDeliveryDto[] }>(200, 'GET', path, { key });
      if (holds(data)) return data;
      if (performance.now() > deadline) throw new Error(`Still: ${JSON.stringify(data)}`);
      await sleep(20);
    }
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.testDatabase.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

interface SendOptions {
  readonly key?: string;
  readonly payload?: object;
  readonly headers?: Readonly<Record<string, string>>;
}
