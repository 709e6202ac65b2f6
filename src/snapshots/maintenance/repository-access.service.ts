import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../config/clock.js';
import { Repositories } from '../../repositories/repositories.service.js';
import {
  acquireLock,
  removeStaleLocks,
  Repository,
  type RepositoryLock,
} from '../../snapshot-engine/index.js';
import { Metrics } from '../../telemetry/metrics.js';
import { CountedFiles } from './counted-files.js';

/** What the server does in a repository besides commits; a label of metrics. */
export type RepositoryWork = 'maintenance' | 'check' | 'drill';

/** A repository whose every request is counted. */
export interface CountedRepository {
  readonly repository: Repository;
  readonly files: CountedFiles;
}

/** Opens repositories for the server's own work, takes restic's locks for it, and keeps account of its requests. */
@Injectable()
export class RepositoryAccess {
  private readonly requests;

  constructor(
    private readonly repositories: Repositories,
    private readonly database: DataSource,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.requests = metrics.counter(
      'stowage_maintenance_requests_total',
      'Calls to providers that were made to maintain, check and rehearse.',
      ['work'],
    );
  }

  /** @throws what `Repositories.open` throws, and what `use` does */
  async with<Result>(
    repositoryId: string,
    work: RepositoryWork,
    use: (opened: CountedRepository) => Promise<Result>,
  ): Promise<Result> {
    const opened = await this.repositories.open(repositoryId);
    const files = new CountedFiles(opened.files);
    const repository = Repository.fromGrant(files, opened.repository.grant(), { now: this.now });
    try {
      return await use({ repository, files });
    } finally {
      this.requests.inc({ work }, files.requests);
      await this.database.query(COUNT, [repositoryId, files.requests]);
    }
  }

  /**
   * Under a lock of restic's kind, which stock restic on the same bucket respects; its own are respected here.
   * @throws RepositoryError `repository_locked`: another program holds one
   */
  async locked<Result>(
    repository: Repository,
    mode: 'append' | 'exclusive',
    signal: AbortSignal,
    work: (lock: RepositoryLock) => Promise<Result>,
  ): Promise<Result> {
    if (mode === 'exclusive') await removeStaleLocks(repository, { now: this.now, signal });
    const holder = { hostname: hostname(), username: 'stowage', pid: process.pid };
    const lock = await acquireLock(repository, { mode, holder, now: this.now, signal });
    try {
      return await work(lock);
    } finally {
      // One that cannot be removed becomes stale by itself; what the work came to matters more.
      await lock.release().catch(() => undefined);
    }
  }

  private readonly now = (): number => this.clock.now();
}

const COUNT = 'UPDATE repositories SET maintenance_requests = maintenance_requests + $2 WHERE id = $1';
