import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archive, type ArchiveOptions } from '../../src/snapshot-engine/archiver/archive.js';
import { DEFAULT_POLICY } from '../../src/snapshot-engine/archiver/archive-policy.js';
import type { ArchiveResult } from '../../src/snapshot-engine/archiver/archive-result.js';
import type { ArchiveTarget } from '../../src/snapshot-engine/archiver/archive-target.js';
import { archiveTarget } from '../../src/snapshot-engine/archiver/repository-target.js';
import type { BlobIndex } from '../../src/snapshot-engine/blob-index/blob-index.js';
import type { ChunkerKind } from '../../src/snapshot-engine/chunker/chunker.js';
import { ENGINE_SERVICES } from '../../src/snapshot-engine/engine-worker.js';
import type { RepositoryFiles } from '../../src/snapshot-engine/repository/repository-files.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import type { Node } from '../../src/snapshot-engine/snapshot/node.js';
import { decodeSnapshot } from '../../src/snapshot-engine/snapshot/snapshot.js';
import { decodeTree } from '../../src/snapshot-engine/snapshot/tree.js';
import { InlineWorkers } from '../../src/snapshot-engine/workers/inline-workers.js';
import { WorkerPool } from '../../src/snapshot-engine/workers/worker-pool.js';
import type { Workers } from '../../src/snapshot-engine/workers/worker-service.js';
import { MemoryRepositoryFiles, MemoryRepositoryStore } from './memory-repository-files.js';

export const PASSWORD = 'correct horse battery staple';

/** Cheap: these passwords protect nothing. */
const SCRYPT_COST = { n: 2, r: 1, p: 1 };

/** Worker threads that run the sources. */
export function engineThreads(threads = 2): WorkerPool {
  return new WorkerPool({
    threads,
    entry: new URL('../../src/snapshot-engine/engine-worker.ts', import.meta.url),
    execArgv: ['--import', new URL('./typescript-hooks.mjs', import.meta.url).href],
  });
}

export interface MakerOptions {
  readonly chunker?: ChunkerKind;
  readonly workers?: Workers;
  readonly now?: () => number;
}

/** A repository and somebody who archives into it. */
export class ArchiveMaker {
  readonly repository: Repository;
  readonly index: BlobIndex;
  readonly target: ArchiveTarget;
  readonly workers: Workers;

  private constructor(repository: Repository, index: BlobIndex, workers: Workers) {
    this.repository = repository;
    this.index = index;
    this.workers = workers;
    this.target = archiveTarget(repository, index);
  }

  static async create(
    files: RepositoryFiles = new MemoryRepositoryFiles(new MemoryRepositoryStore()),
    {
      chunker = 'gear',
      workers = new InlineWorkers(ENGINE_SERVICES),
      now = () => Date.now(),
    }: MakerOptions = {},
  ): Promise<ArchiveMaker> {
    const options = { password: PASSWORD, now, chunker, scryptCost: SCRYPT_COST };
    const repository = await Repository.create(files, options);
    return new ArchiveMaker(repository, await repository.loadIndex(), workers);
  }

  /** Archives everything in `workspace`; the tree is the workspace's own unless told. */
  archive(workspace: string | Buffer, options: Partial<ArchiveOptions> = {}): Promise<ArchiveResult> {
    return archive({
      target: this.target,
      workers: this.workers,
      workspace,
      layout: 'contents',
      policy: { ...DEFAULT_POLICY, defaultExcludes: false },
      origin: { hostname: 'host', username: 'user' },
      now: () => Date.now(),
      ...options,
    });
  }

  async snapshot(id: string) {
    return { id, snapshot: decodeSnapshot(await this.repository.loadFile('snapshot', id), id) };
  }

  async tree(id: string): Promise<Node[]> {
    return decodeTree(await this.repository.loadBlob('tree', id, this.index), id);
  }

  /** Paths of everything in a tree, with a slash behind directories; bytes that are not UTF-8 as latin1. */
  async paths(tree: string, prefix = ''): Promise<string[]> {
    const paths: string[] = [];
    for (const node of await this.tree(tree)) {
      const path = prefix + node.name.toString('latin1');
      paths.push(node.subtree === undefined ? path : `${path}/`);
      if (node.subtree !== undefined) paths.push(...(await this.paths(node.subtree, `${path}/`)));
    }
    return paths;
  }

  async node(tree: string, path: string): Promise<Node | undefined> {
    const [name, ...rest] = path.split('/');
    const node = (await this.tree(tree)).find((each) => each.name.toString('latin1') === name);
    return rest.length === 0 || node?.subtree === undefined ? node : this.node(node.subtree, rest.join('/'));
  }

  async content({ content = [] }: Node): Promise<Buffer> {
    const parts = content.map((id) => this.repository.loadBlob('data', id, this.index));
    return Buffer.concat(await Promise.all(parts));
  }
}

/** A folder that is removed at the end of a test. */
export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'stowage-archive-'));

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
