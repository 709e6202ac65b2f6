import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import type { EnrolAnswer } from '../../../src/agent-protocol/messages.js';
import { AGENT_PATHS, PROTOCOL_HEADER, PROTOCOL_VERSION } from '../../../src/agent-protocol/protocol.js';
import { AgentsModule } from '../../../src/agents/agents.module.js';
import { newApiKey } from '../../../src/auth/api-key-format.js';
import { AuthModule } from '../../../src/auth/auth.module.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { Config } from '../../../src/config/config.js';
import { Environment } from '../../../src/config/environment.js';
import { CredentialsModule } from '../../../src/credentials/credentials.module.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import { createApp } from '../../../src/http/app.factory.js';
import { HttpModule } from '../../../src/http/http.module.js';
import { Repositories } from '../../../src/repositories/repositories.service.js';
import { GENEROUS_KEEP_POLICY } from '../../../src/snapshot-engine/index.js';
import { SnapshotsModule } from '../../../src/snapshots/snapshots.module.js';
import { createLog } from '../../../src/telemetry/log.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

type Answer = Awaited<ReturnType<NestFastifyApplication['inject']>>;

export interface TestUser {
  readonly userId: number;
  readonly key: string;
}

export interface TestAgent {
  readonly id: string;
  readonly name: string;
  readonly key: string;
}

export const HOST = { hostname: 'host-1', platform: 'linux x64', program_version: '0.1.0' };
export const PROTOCOL = { [PROTOCOL_HEADER]: String(PROTOCOL_VERSION) };

@Module({})
class AgentsAppModule {}

/** The server without files, on a database of its own, with a bucket on local disk for each user. */
export class AgentsApp {
  private constructor(
    readonly app: NestFastifyApplication,
    private readonly database: TestDatabase,
    private readonly dataDir: string,
    readonly adminKey: string,
  ) {}

  static async start(): Promise<AgentsApp> {
    const database = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'stowage-agents-'));
    const adminKey = newApiKey('admin');
    const environment = Object.assign(new Environment(), {
      DATABASE_URL: database.url,
      DATABASE_POOL_SIZE: 8,
      DATA_DIR: dataDir,
      ENCRYPTION_KEY: 'ab'.repeat(32),
      STOWAGE_ADMIN_KEY: adminKey,
      EMBEDDED_AGENT: false,
      RATE_LIMIT_PER_ADDRESS: 1_000_000,
    });
    const imports = [
      ConfigModule.forRoot(environment),
      TelemetryModule,
      DatabaseModule.forRoot(dataSourceOptions),
      AuthModule,
      CredentialsModule,
      AgentsModule,
      SnapshotsModule,
      HttpModule,
    ];
    const module = { module: AgentsAppModule, imports };
    const { app } = await createApp(module, new Config(environment), createLog('silent'));
    await app.init();
    return new AgentsApp(app, database, dataDir, adminKey);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.database.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  send(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, options: SendOptions = {}): Promise<Answer> {
    const { key, payload, headers } = options;
    const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return this.app.inject({ method, url, payload, headers: { ...authorization, ...headers } });
  }

  /** @returns the parsed body of an answer that must have this status */
  async ok<T>(status: number, answer: Promise<Answer>): Promise<T> {
    const { statusCode, body } = await answer;
    if (statusCode !== status) throw new Error(`Expected ${status}, got ${statusCode}: ${body}`);
    return (body === '' ? undefined : JSON.parse(body)) as T;
  }

  /** As an agent of this release. */
  tell(key: string, path: keyof typeof AGENT_PATHS, payload: object): Promise<Answer> {
    return this.send('POST', AGENT_PATHS[path], { key, payload, headers: PROTOCOL });
  }

  sync(key: string, more: object = {}): Promise<Answer> {
    return this.tell(key, 'sync', { ...HOST, wait_seconds: 0, ...more });
  }

  beat(key: string, more: object = {}): Promise<Answer> {
    return this.tell(key, 'heartbeat', { runs: [], restores: [], leases: [], ...more });
  }

  async newUser(): Promise<TestUser> {
    const { adminKey: key } = this;
    const user = await this.ok<{ id: number }>(
      201,
      this.send('POST', '/api/v1/users', { key, payload: { name: 'Somebody' } }),
    );
    const payload = { name: 'Key', user_id: user.id };
    const created = await this.ok<{ key: string }>(
      201,
      this.send('POST', '/api/v1/api-keys', { key, payload }),
    );
    return { userId: user.id, key: created.key };
  }

  async newToken(user: TestUser, name: string, more: object = {}): Promise<string> {
    const payload = { name, ...more };
    const path = '/api/v1/agents/enrolment-tokens';
    const made = await this.ok<{ token: string }>(201, this.send('POST', path, { key: user.key, payload }));
    return made.token;
  }

  enrol(token: string): Promise<Answer> {
    return this.send('POST', AGENT_PATHS.enrol, { payload: { token, ...HOST }, headers: PROTOCOL });
  }

  async newAgent(user: TestUser, name = `agent ${randomUUID()}`): Promise<TestAgent> {
    const answer = await this.ok<EnrolAnswer>(201, this.enrol(await this.newToken(user, name)));
    return { id: answer.agent_id, name: answer.name, key: answer.api_key };
  }

  /** With a real repository in the user's bucket. */
  async newWorkspace(user: TestUser, agent: TestAgent, name: string = randomUUID()): Promise<string> {
    const { key } = user;
    const payload = { provider: 'local_disk', bucket_name: `bucket-${user.userId}` };
    await this.ok(200, this.send('PUT', '/api/v1/settings/cloud-storage', { key: this.adminKey, payload }));
    await this.ok(200, this.send('PUT', '/api/v1/settings/cloud-storage', { key, payload }));
    const repository = await this.app.get(Repositories, { strict: false }).create(user.userId);
    const [row] = await this.sql<{ id: string }>(
      `INSERT INTO workspaces (user_id, agent_id, repository_id, name, path, keep_policy)
        VALUES ($1, $2, $3, $4, '/workspace', $5) RETURNING id`,
      [user.userId, agent.id, repository.id, name, JSON.stringify(GENEROUS_KEEP_POLICY)],
    );
    return row!.id;
  }

  sql<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.app.get(DataSource).query<Row[]>(text, values);
  }
}

interface SendOptions {
  readonly key?: string;
  readonly payload?: object;
  readonly headers?: Readonly<Record<string, string>>;
}
