import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { newApiKey } from '../../../src/auth/api-key-format.js';
import { Config } from '../../../src/config/config.js';
import { StopSignal } from '../../../src/config/stop-signal.js';
import { readEnvironment } from '../../../src/config/read-environment.js';
import type { Drain } from '../../../src/http/drain.js';
import { Repositories } from '../../../src/repositories/repositories.service.js';
import { SnapshotRow } from '../../../src/repositories/snapshot.entity.js';
import { Workspace } from '../../../src/repositories/workspace.entity.js';
import { archive } from '../../../src/snapshot-engine/archiver/archive.js';
import { archiveTarget, InlineWorkers } from '../../../src/snapshot-engine/index.js';
import { ENGINE_SERVICES } from '../../../src/snapshot-engine/engine-worker.js';
import { strictList } from '../../../src/storage-providers/strict-list.js';
import { createLog } from '../../../src/telemetry/log.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { FilesClient } from '../../e2e/files-client.js';

const STOP_GRACE_MS = 5_000;

/** The whole server in this process, so that rows can be made with its own services. No agent runs. */
export class WorkspacesApp {
  private isStopped = false;
  readonly workers = new InlineWorkers(ENGINE_SERVICES);

  private constructor(
    private readonly app: NestFastifyApplication,
    private readonly drain: Drain,
    private readonly testDatabase: TestDatabase,
    readonly dataDir: string,
    readonly client: FilesClient<{ readonly url: string }>,
  ) {}

  static async start(variables: Readonly<Record<string, string>> = {}): Promise<WorkspacesApp> {
    const [testDatabase, dataDir] = await Promise.all([
      createTestDatabase(),
      mkdtemp(join(tmpdir(), 'stowage-workspaces-')),
    ]);
    const adminKey = newApiKey('admin');
    const environment = readEnvironment({
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: testDatabase.url,
      DATABASE_POOL_SIZE: '8',
      DATA_DIR: dataDir,
      ENCRYPTION_KEY: randomBytes(32).toString('hex'),
      STOWAGE_ADMIN_KEY: adminKey,
      RATE_LIMIT_PER_KEY: '1000000',
      ...variables,
    });
    // Jest loads no ES module by require() while others that need it are still being linked.
    await import('content-disposition');
    const { createApp } = await import('../../../src/http/app.factory.js');
    const { AppModule } = await import('../../../src/app.module.js');
    const { app, drain } = await createApp(
      AppModule.with(environment),
      new Config(environment),
      createLog('silent'),
    );
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const client = new FilesClient({ url: `http://127.0.0.1:${port}` }, adminKey);
    await client.configure({ provider: 'local_disk', bucket_name: 'workspaces' });
    return new WorkspacesApp(app, drain, testDatabase, dataDir, client);
  }

  get<T>(service: Type<T>): T {
    return this.app.get(service, { strict: false });
  }

  query<Row = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.app.get(DataSource).query(text, values);
  }

  /** Keys of what lies in the bucket of a repository. */
  async objects(repositoryId: string): Promise<string[]> {
    const { storage, prefix } = await this.get(Repositories).place(repositoryId);
    const keys: string[] = [];
    for await (const { key } of strictList(storage, { prefix: `${prefix}/` })) keys.push(key);
    return keys;
  }

  /** As the server does at a signal. @returns how many requests had to be cut */
  async stop(): Promise<number> {
    if (this.isStopped) return 0;
    this.isStopped = true;
    this.get(StopSignal).stop();
    const cut = await this.drain.run(STOP_GRACE_MS);
    await this.app.close();
    await this.testDatabase.drop();
    await rm(this.dataDir, { recursive: true, force: true });
    return cut;
  }

  /** An agent of the caller of `client`, as an enrolment leaves it. */
  async agent(client = this.client, options: { readonly isEmbedded?: boolean } = {}): Promise<string> {
    const { user } = await client.json<{ user: { id: number } }>('GET', '/api/v1/me');
    const name = `agent ${randomBytes(4).toString('hex')}`;
    const [key] = await this.query<{ id: string }>(
      `INSERT INTO api_keys (user_id, name, kind, scopes, last4, key_hash) VALUES ($1, $2, 'agent', '{agent}', 'xxxx', $3) RETURNING id`,
      [user.id, name, randomBytes(32)],
    );
    const [agent] = await this.query<{ id: string }>(
      `INSERT INTO agents (user_id, api_key_id, name, hostname, platform, program_version, is_embedded, last_seen_at)
        VALUES ($1, $2, $3, 'host', 'linux x64', '1.0.0', $4, now()) RETURNING id`,
      [user.id, key!.id, name, options.isEmbedded ?? false],
    );
    return agent!.id;
  }

  /** Archives `directory` into the workspace's repository, and writes the row that a commit would write. */
  async snapshot(workspaceId: string, directory: string, row: Partial<SnapshotRow> = {}): Promise<string> {
    const { manager } = this.app.get(DataSource);
    const workspace = await manager.findOneByOrFail(Workspace, { id: workspaceId });
    const { repository, row: facts } = await this.get(Repositories).open(workspace.repositoryId);
    const target = archiveTarget(repository, await repository.loadIndex());
    const result = await archive({
      target,
      workers: this.workers,
      workspace: directory,
      layout: 'contents',
      origin: { hostname: 'host', username: 'user' },
      now: () => Date.now(),
    });
    const id = randomUUID();
    await manager.insert(SnapshotRow, {
      id,
      userId: workspace.userId,
      cloudConfigId: facts.cloudConfigId,
      state: 'restorable',
      workspaceId,
      agentId: workspace.agentId,
      runId: randomUUID(),
      objectId: Buffer.from(result.snapshot!, 'hex'),
      tree: Buffer.from(result.tree, 'hex'),
      fencing: 1,
      startedAt: new Date(),
      storedBytes: result.summary.dataAddedPackedBytes,
      sizeBytes: result.summary.totalBytesProcessed,
      files: result.summary.totalFilesProcessed,
      providerRequests: result.requests,
      ...row,
    });
    await this.query('UPDATE workspaces SET last_durable_at = now() WHERE id = $1', [workspaceId]);
    return id;
  }
}
