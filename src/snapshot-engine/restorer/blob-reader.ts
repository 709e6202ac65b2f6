import type { BadPacks } from '../repository/bad-packs.js';
import { leastBusy } from '../workers/least-busy.js';
import type { RemoteService } from '../workers/worker-service.js';
import type { BlobFetcher } from './blob-fetcher.js';
import { OtherCopies } from './other-copies.js';
import type { BlobLocation, BlobLookup } from './restore-source.js';
import type { OpenedBlobs, OpenRequest } from './restore-worker.js';

/** The plaintext of a blob and the copy that it was read from, or why no copy can be read. */
export type BlobHandler = (blob: BlobLocation, plaintext: Uint8Array | Error) => Promise<void>;

/** Blobs fetched together, opened and verified on worker threads; from another copy where one cannot be had. */
export class BlobReader {
  readonly #fetcher: BlobFetcher;
  readonly #index: BlobLookup;
  readonly #workers: readonly RemoteService[];
  readonly #badPacks: BadPacks;

  constructor(
    fetcher: BlobFetcher,
    index: BlobLookup,
    workers: readonly RemoteService[],
    badPacks: BadPacks,
  ) {
    this.#fetcher = fetcher;
    this.#index = index;
    this.#workers = workers;
    this.#badPacks = badPacks;
  }

  /** Calls `handle` once for each blob, in any order, never twice at a time. Rejects as `BlobFetcher.fetch`. */
  async read(
    blobs: Iterable<BlobLocation>,
    signal: AbortSignal | undefined,
    handle: BlobHandler,
  ): Promise<void> {
    const others = new OtherCopies(this.#index, this.#badPacks);
    let turn = Promise.resolve();
    const inTurn: BlobHandler = (blob, plaintext) => {
      turn = turn.then(() => handle(blob, plaintext));
      return turn;
    };
    let wanted = blobs;
    for (let rest = 1; rest > 0;) {
      const again: BlobLocation[] = [];
      const onUnreadable = async (blob: BlobLocation, message: string): Promise<void> => {
        const other = others.after(blob, message);
        if (other !== undefined) again.push(other);
        else await inTurn(blob, new Error(message));
      };
      const onBytes = async ({ bytes, offset, blobs: inRange }: OpenRequest): Promise<void> => {
        const opened = await this.#open({ bytes, offset, blobs: inRange });
        for (const [at, plaintext] of opened.plaintexts.entries()) {
          const blob = inRange[at] as BlobLocation;
          await (typeof plaintext === 'string' ? onUnreadable(blob, plaintext) : inTurn(blob, plaintext));
        }
      };
      const onMissing = (blob: BlobLocation, error: Error): Promise<void> =>
        onUnreadable(blob, error.message);
      await this.#fetcher.fetch(wanted, { onBytes, onMissing }, signal);
      wanted = again;
      rest = again.length;
    }
  }

  #open(request: OpenRequest): Promise<OpenedBlobs> {
    return leastBusy(this.#workers).call<OpenedBlobs>('open', request, [request.bytes.buffer]);
  }
}
