import { RepositoryError } from '../errors/repository-error.js';
import type { BlobReader } from './blob-reader.js';
import type { BlobLocation, BlobLookup } from './restore-source.js';

/** The plaintext of a tree, or why there is none. */
export type TreeHandler = (id: string, plaintext: Uint8Array | Error) => Promise<void>;

/** The index does not know the tree. */
export class MissingTree extends Error {
  override readonly name = 'MissingTree';
}

/** Tree blobs by id. */
export class TreeLoader {
  readonly #reader: BlobReader;
  readonly #index: BlobLookup;

  constructor(reader: BlobReader, index: BlobLookup) {
    this.#reader = reader;
    this.#index = index;
  }

  /** Calls `handle` once for each id, in any order, never twice at a time. */
  async load(ids: Iterable<string>, signal: AbortSignal | undefined, handle: TreeHandler): Promise<void> {
    const known: BlobLocation[] = [];
    for (const id of ids) {
      const location = this.#index.find('tree', id);
      if (location === undefined) await handle(id, new MissingTree(`Tree ${id} is in no index.`));
      else known.push(location);
    }
    await this.#reader.read(known, signal, ({ id }, plaintext) =>
      handle(id, plaintext instanceof Error ? unreadable(id, plaintext) : plaintext),
    );
  }
}

function unreadable(id: string, { message }: Error): RepositoryError {
  return new RepositoryError('damaged_repository', message, `tree ${id}`);
}
