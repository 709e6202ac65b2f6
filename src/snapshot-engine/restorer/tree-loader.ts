import { damaged } from '../errors/repository-error.js';
import type { RemoteService } from '../workers/worker-service.js';
import type { BlobFetcher } from './blob-fetcher.js';
import type { BlobLookup, BlobLocation } from './restore-source.js';
import type { OpenedBlobs, OpenRequest } from './restore-worker.js';
import { leastBusy } from '../workers/least-busy.js';

/** The plaintext of a tree, or why there is none. */
export type TreeHandler = (id: string, plaintext: Uint8Array | Error) => Promise<void>;

/** The index does not know the tree. */
export class MissingTree extends Error {
  override readonly name = 'MissingTree';
}

/** Tree blobs by id: fetched together, opened and verified on worker threads. */
export class TreeLoader {
  readonly #fetcher: BlobFetcher;
  readonly #index: BlobLookup;
  readonly #workers: readonly RemoteService[];

  constructor(fetcher: BlobFetcher, index: BlobLookup, workers: readonly RemoteService[]) {
    this.#fetcher = fetcher;
    this.#index = index;
    this.#workers = workers;
  }

  /** Calls `handle` once for each id, in any order, never twice at a time. */
  async load(ids: Iterable<string>, signal: AbortSignal | undefined, handle: TreeHandler): Promise<void> {
    const known: BlobLocation[] = [];
    for (const id of ids) {
      const location = this.#index.find('tree', id);
      if (location === undefined) await handle(id, new MissingTree(`Tree ${id} is in no index.`));
      else known.push(location);
    }
    let turn = Promise.resolve();
    const inTurn = (id: string, plaintext: Uint8Array | Error): Promise<void> => {
      turn = turn.then(() => handle(id, plaintext));
      return turn;
    };
    await this.#fetcher.fetch(
      known,
      {
        onBytes: async ({ bytes, offset, blobs }) => {
          const request: OpenRequest = { bytes, offset, blobs };
          const worker = leastBusy(this.#workers);
          const { plaintexts } = await worker.call<OpenedBlobs>('open', request, [bytes.buffer]);
          for (const [index, plaintext] of plaintexts.entries()) {
            const { id } = blobs[index]!;
            await inTurn(id, typeof plaintext === 'string' ? damaged(`Tree ${id}`, plaintext) : plaintext);
          }
        },
        onMissing: ({ id }, error) => inTurn(id, error),
      },
      signal,
    );
  }
}
