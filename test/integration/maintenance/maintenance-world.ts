import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { readdir } from 'node:fs/promises';
import { DataSource, type EntityManager } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { AuthModule } from '../../../src/auth/auth.module.js';
import { ConfigModule } from '../../../src/config/config.module.js';
import { readEnvironment } from '../../../src/config/read-environment.js';
import { CloudStorages } from '../../../src/credentials/cloud-storages.service.js';
import { SnapshotStats } from '../../../src/credentials/snapshot-stats.js';
import { DatabaseModule } from '../../../src/database/database.module.js';
import type { OpenedRepository } from '../../../src/repositories/opened-repository.js';
import { Repositories } from '../../../src/repositories/repositories.service.js';
import {
  archive,
  archiveTarget,
  DEFAULT_POLICY,
  encodeSnapshot,
  InlineWorkers,
  type KeepPolicy,
} from '../../../src/snapshot-engine/index.js';
import { ENGINE_SERVICES } from '../../../src/snapshot-engine/engine-worker.js';
import { EngineWorkers } from '../../../src/snapshots/maintenance/engine-workers.service.js';
import { MaintenanceModule } from '../../../src/snapshots/maintenance/maintenance.module.js';
import { StoredSnapshotStats } from '../../../src/snapshots/stored-snapshot-stats.service.js';
import { TelemetryModule } from '../../../src/telemetry/telemetry.module.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { localRepository, type LocalRepository } from '../../support/local-repository.js';

@Global()
@Module({
  providers: [{ provide: SnapshotStats, useClass: StoredSnapshotStats }],
  exports: [SnapshotStats],
})
class StatsModule {}

/** On the spec's own thread. */
class InlineEngineWorkers extends EngineWorkers {
  protected override start() {
    return new InlineWorkers(ENGINE_SERVICES);
  }
}

/** A server as far as maintenance goes, with a bucket on the disk, one user, and workspaces that have snapshots. */
export class MaintenanceWorld {
  private readonly agentId = randomUUID();

  private constructor(
    private readonly app: TestingModule,
    private readonly testDatabase: TestDatabase,
    private readonly bucket: LocalRepository,
    readonly dataDir: string,
  ) {}

  static async start(modules: readonly Type[] = []): Promise<MaintenanceWorld> {
    const database = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'stowage-maintenance-'));
    const bucket = await localRepository();
    const { storage } = bucket;
    const opened = async () => ({
      configId: 1,
      provider: storage.provider,
      bucketName: 'repository',
      storage,
    });
    const app = await Test.createTestingModule({
      imports: [
        // No worker: what is due runs when a spec says so.
        ConfigModule.forRoot(
          readEnvironment({ DATABASE_URL: database.url, DATA_DIR: dataDir, STOWAGE_ROLES: 'api' }),
        ),
        TelemetryModule,
        DatabaseModule.forRoot(dataSourceOptions),
        AuthModule,
        StatsModule,
        MaintenanceModule,
        ...modules,
      ],
    })
      .overrideProvider(CloudStorages)
      .useValue({ active: opened, byConfigId: opened })
      .overrideProvider(EngineWorkers)
      .useClass(InlineEngineWorkers)
      .compile();
    app.useLogger(false);
    await app.init();
    const world = new MaintenanceWorld(app, database, bucket, dataDir);
    await world.insertOwner();
    return world;
  }

  get<T>(service: Type<T>): T {
    return this.app.get(service, { strict: false });
  }

  query<Row>(statement: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.app.get(DataSource).query<Row[]>(statement, [...values]);
  }

  transaction<Result>(work: (manager: EntityManager) => Promise<Result>): Promise<Result> {
    return this.app.get(DataSource).transaction(work);
  }

  async newWorkspace(policy: KeepPolicy): Promise<MaintainedWorkspace> {
    const { id: repositoryId } = await this.get(Repositories).create(1);
    const [row] = await this.query<{ id: string }>(
      `INSERT INTO workspaces (user_id, agent_id, repository_id, name, path, keep_policy)
       VALUES (1, $1, $2, $3, '/work', $4) RETURNING id`,
      [this.agentId, repositoryId, randomUUID(), JSON.stringify(policy)],
    );
    const opened = await this.get(Repositories).open(repositoryId);
    const folder = await mkdtemp(join(this.dataDir, 'workspace-'));
    return new MaintainedWorkspace(this, row!.id, this.agentId, opened, folder, this.bucket.path);
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.testDatabase.drop();
    await this.bucket.remove();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  private async insertOwner(): Promise<void> {
    await this.query(`INSERT INTO users (id, name) VALUES (1, 'somebody'), (2, 'somebody else')`);
    await this.query(`INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name)
      VALUES (1, 1, 'local_disk', '', 'repository')`);
    const [key] = await this.query<{ id: string }>(
      `INSERT INTO api_keys (user_id, kind, name, scopes, key_hash, last4)
       VALUES (1, 'agent', 'agent', '{agent}', $1, 'abcd') RETURNING id`,
      [randomBytes(32)],
    );
    await this.query(
      `INSERT INTO agents (id, user_id, api_key_id, name, hostname, platform, program_version)
       VALUES ($1, 1, $2, 'agent', 'host', 'linux x64', '0.1.0')`,
      [this.agentId, key!.id],
    );
  }
}

/** A workspace whose runs are made here, without an agent. */
export class MaintainedWorkspace {
  constructor(
    private readonly world: MaintenanceWorld,
    readonly id: string,
    private readonly agentId: string,
    private readonly opened: OpenedRepository,
    readonly folder: string,
    private readonly bucketPath: string,
  ) {}

  get repositoryId(): string {
    return this.opened.row.id;
  }

  get repository() {
    return this.opened.repository;
  }

  /** Of the repository, on this disk. */
  get path(): string {
    return join(this.bucketPath, this.opened.prefix);
  }

  async write(name: string, content: string | Buffer): Promise<void> {
    await writeFile(join(this.folder, name), content);
  }

  /** A snapshot as a commit leaves it, received so long ago. @returns the ids of row and object */
  async snapshot(agoMs: number): Promise<{ id: string; objectId: string }> {
    const { objectId, tree, sizeBytes } = await this.archive();
    const [row] = await this.world.query<{ id: string }>(INSERT_SNAPSHOT, [
      this.id,
      this.agentId,
      randomUUID(),
      Buffer.from(objectId, 'hex'),
      Buffer.from(tree, 'hex'),
      agoMs,
      sizeBytes,
    ]);
    await this.orderStored();
    return { id: row!.id, objectId };
  }

  /** A snapshot that another program made: no row knows of it. */
  async archive(): Promise<{ objectId: string; tree: string; sizeBytes: number }> {
    const { repository } = this.opened;
    let tree = '';
    const target = archiveTarget(repository, await repository.loadIndex(), (snapshot) => {
      tree = snapshot.tree;
      return repository.saveFile('snapshot', encodeSnapshot(snapshot));
    });
    const result = await archive({
      target,
      workers: new InlineWorkers(ENGINE_SERVICES),
      workspace: this.folder,
      layout: 'contents',
      policy: { ...DEFAULT_POLICY, defaultExcludes: false },
      origin: { hostname: 'host', username: 'user' },
      now: Date.now,
    });
    if (result.snapshot === undefined) throw new Error('Nothing has changed since the last snapshot.');
    return { objectId: result.snapshot, tree, sizeBytes: 1 };
  }

  async rows(): Promise<{ id: string; state: string }[]> {
    return this.world.query('SELECT id, state FROM snapshots WHERE workspace_id = $1 ORDER BY received_at', [
      this.id,
    ]);
  }

  async repositoryRow(): Promise<Record<string, unknown>> {
    const rows = await this.world.query<Record<string, unknown>>('SELECT * FROM repositories WHERE id = $1', [
      this.repositoryId,
    ]);
    return rows[0]!;
  }

  async files(kind: 'snapshot' | 'pack' | 'index' | 'lock'): Promise<string[]> {
    const ids: string[] = [];
    for await (const { id } of this.opened.files.list(kind)) ids.push(id);
    return ids;
  }

  /** As if everything that is stored had been stored so long ago. */
  async age(agoMs: number): Promise<void> {
    const when = new Date(Date.now() - agoMs);
    for (const entry of await readdir(this.path, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), when, when);
    }
    await this.world.query('UPDATE doomed_packs SET since = $2 WHERE repository_id = $1', [
      this.repositoryId,
      when,
    ]);
    await this.world.query(
      'UPDATE repositories SET last_pruned_at = $2 WHERE id = $1 AND last_pruned_at IS NOT NULL',
      [this.repositoryId, when],
    );
  }

  /** The rows that orders leave. */
  private async orderStored(): Promise<void> {
    for (const kind of ['pack', 'index'] as const) {
      for (const id of await this.files(kind)) {
        await this.world.query(
          `INSERT INTO stored_packs (repository_id, id, kind, size_bytes, md5) VALUES ($1, $2, $3, 1, '') ON CONFLICT DO NOTHING`,
          [this.repositoryId, Buffer.from(id, 'hex'), kind],
        );
      }
    }
  }
}

const INSERT_SNAPSHOT = `INSERT INTO snapshots (user_id, cloud_config_id, state, workspace_id, agent_id, run_id,
    object_id, tree, fencing, started_at, received_at, restorable_at, size_bytes)
  SELECT 1, 1, 'restorable', $1, $2, $3, $4, $5, 1, at, at, at, $7
    FROM (SELECT now() - $6 * interval '1 millisecond' AS at) received RETURNING id`;
