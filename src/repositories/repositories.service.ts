import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { DataSource } from 'typeorm';
import { Clock } from '../config/clock.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { SealedTexts } from '../credentials/sealing/sealed-texts.service.js';
import { notFound } from '../errors/request-errors.js';
import {
  isRepositoryError,
  ObjectRepositoryFiles,
  Repository,
  type ChunkerKind,
  type RepositoryGrant,
} from '../snapshot-engine/index.js';
import type { OpenedRepository, RepositoryFacts, RepositoryPlace } from './opened-repository.js';
import { passwordPlace } from './password-place.js';
import { RepositoryRow } from './repository.entity.js';

export interface CreateRepositoryOptions {
  /** `gear` when absent. */
  readonly chunker?: ChunkerKind;
  readonly signal?: AbortSignal;
}

/** About 2 KB each; what fell out is opened with its password again. */
const CACHED_REPOSITORIES = 10_000;

const PASSWORD_BYTES = 32;
/**
 * 256 random bits are found by no search, however cheap a try is: the cost that is made for people's passwords would
 * only slow down every opening.
 */
const RANDOM_PASSWORD_COST = { n: 1_024, r: 8, p: 1 };

/**
 * Makes and opens the restic repositories of workspaces. Master keys stay in memory, so opening again costs neither a
 * statement nor a request; the bucket is asked of CloudStorages each time, because its credentials may change.
 */
@Injectable()
export class Repositories {
  private readonly facts = new LRUCache<string, RepositoryFacts>({ max: CACHED_REPOSITORIES });
  private readonly opened = new LRUCache<string, OpenedRepository>({ max: CACHED_REPOSITORIES });
  private readonly unlocking = new Map<string, Promise<RepositoryGrant>>();

  constructor(
    private readonly database: DataSource,
    private readonly storages: CloudStorages,
    private readonly texts: SealedTexts,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes a repository in the bucket that the user has configured now. What a crash leaves half made is completed when
   * the repository is first opened.
   * @throws CredentialsError `cloud_not_configured`, `sealed`, `credentials_unreadable`; StorageError;
   *   RepositoryError. No row is left then.
   */
  async create(userId: number, options: CreateRepositoryOptions = {}): Promise<RepositoryRow> {
    const { configId } = await this.storages.active(userId);
    const row = await this.insert(userId, configId, options.chunker ?? 'gear');
    try {
      const place = await this.placeOf(row);
      const repository = await this.complete(row, place, options.signal);
      this.remember(place, repository.grant());
    } catch (error) {
      await this.database.manager.delete(RepositoryRow, { id: row.id, state: 'creating' });
      throw error;
    }
    return { ...row, state: 'ready' };
  }

  /**
   * @throws RequestError `not_found`; CredentialsError `cloud_not_configured` when the bucket's credentials were
   *   forgotten, `sealed`, `credentials_unreadable`; RepositoryError `repository_not_found`, `wrong_password`,
   *   `damaged_repository`, `unsupported_repository`; StorageError
   */
  async open(repositoryId: string): Promise<OpenedRepository> {
    const place = await this.place(repositoryId);
    const known = this.opened.get(repositoryId);
    if (known?.storage === place.storage) return known;
    return this.remember(place, known?.repository.grant() ?? (await this.unlock(place)));
  }

  /**
   * Where it lies, for what needs no key. Costs neither a statement nor a request when it is known.
   * @throws RequestError `not_found`; CredentialsError as `open`
   */
  async place(repositoryId: string): Promise<RepositoryPlace> {
    return this.placeOf(this.facts.get(repositoryId) ?? (await this.load(repositoryId)));
  }

  private async placeOf(row: RepositoryFacts): Promise<RepositoryPlace> {
    const { provider, storage } = await this.storages.byConfigId(row.userId, row.cloudConfigId);
    return { row: factsOf(row), provider, storage, prefix: row.prefix };
  }

  private async load(repositoryId: string): Promise<RepositoryRow> {
    const row = await this.database.manager.findOneBy(RepositoryRow, { id: repositoryId });
    if (row === null) throw notFound('repository');
    this.facts.set(row.id, factsOf(row));
    return row;
  }

  private remember(place: RepositoryPlace, grant: RepositoryGrant): OpenedRepository {
    const files = filesAt(place);
    const repository = Repository.fromGrant(files, grant, { now: this.now });
    const opened = { ...place, files, repository };
    this.facts.set(place.row.id, place.row);
    this.opened.set(place.row.id, opened);
    return opened;
  }

  /** Once, however many wait. */
  private unlock(place: RepositoryPlace): Promise<RepositoryGrant> {
    const { id } = place.row;
    const known = this.unlocking.get(id);
    if (known !== undefined) return known;
    const work = this.unlockWithPassword(place).finally(() => this.unlocking.delete(id));
    this.unlocking.set(id, work);
    return work;
  }

  private async unlockWithPassword(place: RepositoryPlace): Promise<RepositoryGrant> {
    const row = await this.load(place.row.id);
    if (row.state === 'creating') return (await this.complete(row, place)).grant();
    const password = await this.texts.open(passwordPlace(row), row.sealedPassword);
    return (await Repository.open(filesAt(place), { password, now: this.now })).grant();
  }

  /** Goes on wherever an earlier attempt ended; of two at once, one makes it and the other opens it. */
  private async complete(
    row: RepositoryRow,
    place: RepositoryPlace,
    signal?: AbortSignal,
  ): Promise<Repository> {
    const files = filesAt(place);
    const password = await this.texts.open(passwordPlace(row), row.sealedPassword);
    const options = { password, now: this.now, signal };
    const { chunker } = row;
    const description = { hostname: 'stowage', username: 'stowage', scryptCost: RANDOM_PASSWORD_COST };
    const repository = await Repository.create(files, { ...options, ...description, chunker }).catch(
      (error: unknown) => {
        if (isRepositoryError(error, 'repository_exists')) return Repository.open(files, options);
        throw error;
      },
    );
    await this.database.manager.update(RepositoryRow, { id: row.id }, { state: 'ready' });
    return repository;
  }

  private insert(userId: number, cloudConfigId: number, chunker: ChunkerKind): Promise<RepositoryRow> {
    // The id is part of what the seal binds to, so it is chosen before the row is written.
    const id = randomUUID();
    return this.database.transaction(async (manager) => {
      const password = randomBytes(PASSWORD_BYTES).toString('base64url');
      const sealedPassword = await this.texts.seal(manager, passwordPlace({ id, userId }), password);
      const row = { id, userId, cloudConfigId, prefix: `repositories/${id}`, chunker, sealedPassword };
      await manager.insert(RepositoryRow, { ...row, state: 'creating' });
      return manager.findOneByOrFail(RepositoryRow, { id });
    });
  }

  private readonly now = (): number => this.clock.now();
}

function factsOf({ id, userId, cloudConfigId, prefix, chunker }: RepositoryFacts): RepositoryFacts {
  return { id, userId, cloudConfigId, prefix, chunker };
}

function filesAt({ storage, prefix }: RepositoryPlace): ObjectRepositoryFiles {
  return new ObjectRepositoryFiles(storage, { prefix });
}
