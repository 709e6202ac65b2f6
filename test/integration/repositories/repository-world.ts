import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { PaperAgent } from './paper-agent.js';
import { RepositoriesProcess } from './repositories-process.js';

export interface TestWorkspace {
  readonly id: string;
  readonly repositoryId: string;
  readonly userId: number;
}

/** A database with one user and one bucket, the processes that work on them, and agents with workspaces. */
export class RepositoryWorld {
  private readonly processes: RepositoriesProcess[] = [];

  private constructor(
    private readonly database: TestDatabase,
    private readonly dataDir: string,
    private readonly storage: ObjectStorage,
  ) {}

  static async start(storage: ObjectStorage): Promise<RepositoryWorld> {
    const dataDir = await mkdtemp(join(tmpdir(), 'stowage-repositories-'));
    const world = new RepositoryWorld(await createTestDatabase(), dataDir, storage);
    const first = await world.startProcess();
    await first.database.query(`INSERT INTO users (id, name) VALUES (1, 'somebody')`);
    await first.database.query(
      `INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name)
       VALUES (1, 1, 's3_compatible', '', 'stowage-test')`,
    );
    return world;
  }

  get one(): RepositoriesProcess {
    return this.processes[0]!;
  }

  async startProcess(): Promise<RepositoriesProcess> {
    const variables = { DATABASE_URL: this.database.url, DATA_DIR: this.dataDir };
    const process = await RepositoriesProcess.start(variables, this.storage);
    this.processes.push(process);
    return process;
  }

  /** An agent with a workspace of its own. */
  async newAgent(): Promise<PaperAgent> {
    const agentId = await this.newAgentRow();
    return new PaperAgent(this.one, agentId, await this.newWorkspace(agentId));
  }

  async newAgentRow(): Promise<string> {
    const [key] = await this.one.database.query<{ id: string }[]>(
      `INSERT INTO api_keys (user_id, kind, name, scopes, key_hash, last4)
       VALUES (1, 'agent', 'agent', '{agent}', $1, 'abcd') RETURNING id`,
      [randomBytes(32)],
    );
    const [agent] = await this.one.database.query<{ id: string }[]>(
      `INSERT INTO agents (user_id, api_key_id, name, hostname, platform, program_version)
       VALUES (1, $1, $2, 'host', 'linux x64', '0.1.0') RETURNING id`,
      [key!.id, randomUUID()],
    );
    return agent!.id;
  }

  async newWorkspace(agentId: string): Promise<TestWorkspace> {
    const { id: repositoryId } = await this.one.repositories.create(1);
    const [row] = await this.one.database.query<{ id: string }[]>(
      `INSERT INTO workspaces (user_id, agent_id, repository_id, name, path, keep_policy)
       VALUES (1, $1, $2, $3, '/srv/project', '{}') RETURNING id`,
      [agentId, repositoryId, randomUUID()],
    );
    return { id: row!.id, repositoryId, userId: 1 };
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    await this.database.drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
