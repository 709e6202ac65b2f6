import { RepositoryError } from '../errors/repository-error.js';
import { readIndexFile } from '../repository/index-files.js';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import type { DoomedPacks } from './doomed-packs.js';
import type { MaintainedRepository } from './maintained-repository.js';

export interface Commit {
  /** Packs with blobs that the snapshot needs and that its `parent` did not: new ones, and old ones that it relies on. */
  readonly packs: Iterable<string>;
  /** The snapshot that everything else was taken from. */
  readonly parent?: string;
}

/**
 * Whether a snapshot may be made (or stay) while prunes run elsewhere. A writer asks when its packs and index files are
 * durable, before it writes the snapshot, and again after: a prune that has not seen the snapshot is seen by the second
 * question, because it dooms packs first and lists snapshots then. When the second is refused, the writer removes its
 * snapshot, loads the index again and repeats the run; what has been stored is found there.
 */
export class CommitCheck {
  readonly #repository: MaintainedRepository;
  readonly #doomed: DoomedPacks;
  /** Packs by index file; files never change. */
  #named = new Map<string, readonly string[]>();

  constructor(repository: MaintainedRepository, doomed: DoomedPacks) {
    this.#repository = repository;
    this.#doomed = doomed;
  }

  /**
   * Rejects with `commit_refused` when a pack is doomed, or is named by no index any more, or the parent is gone. Lists
   * index files, doomed packs and, with a parent, snapshots: three requests when nothing has changed.
   */
  async assertCommittable({ packs, parent }: Commit, signal?: AbortSignal): Promise<void> {
    if (parent !== undefined) await this.#assertListed(parent, signal);
    const named = await this.#namedPacks(signal);
    const doomed = new Set((await this.#doomed.list(signal)).map(({ id }) => id));
    for (const id of packs) {
      if (doomed.has(id)) throw refusal(`pack ${id} is about to be deleted`, id);
      if (!named.has(id)) throw refusal(`no index names pack ${id} any more`, id);
    }
  }

  async #assertListed(parent: string, signal: AbortSignal | undefined): Promise<void> {
    for await (const { id } of this.#repository.files.list('snapshot', { signal })) if (id === parent) return;
    throw refusal(`its parent ${parent} has been forgotten`, parent);
  }

  async #namedPacks(signal: AbortSignal | undefined): Promise<Set<string>> {
    const listed: string[] = [];
    for await (const { id } of this.#repository.files.list('index', { signal })) listed.push(id);
    const current = new Map<string, readonly string[]>();
    for (const id of listed) current.set(id, this.#named.get(id) ?? (await this.#packsIn(id, signal)));
    this.#named = current;
    return new Set([...this.#named.values()].flat());
  }

  /** None when the file has been replaced since it was listed: what it named may be gone, too. */
  async #packsIn(indexId: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
    const { files, cipher } = this.#repository;
    const packs: string[] = [];
    try {
      for await (const { id } of readIndexFile(files, cipher, indexId, { signal })) packs.push(id);
      return packs;
    } catch (error) {
      if (isStorageError(error, 'object_not_found')) return [];
      throw error;
    }
  }
}

function refusal(because: string, subject: string): RepositoryError {
  return new RepositoryError(
    'commit_refused',
    `The snapshot was not made: ${because}. Load the index again and repeat the run.`,
    subject,
  );
}
