import type { RemoteService } from '../workers/worker-service.js';
import type { BlobFetcher, FetchedRange } from './blob-fetcher.js';
import type { Failure } from './entry-failure.js';
import type { ContentPart } from './file-content.js';
import type { FileJob } from './file-writer.js';
import { leastBusy } from '../workers/least-busy.js';
import { partsToFetch, type PlannedEntry } from './restore-plan.js';
import type { OtherCopies } from './other-copies.js';
import type { BlobLocation } from './restore-source.js';
import type { BlobUse, PrepareRequest, WriteAnswer, WriteRequest } from './restore-worker.js';
import type { Replaces } from './target-directories.js';

/** What a run counts while it writes. */
export interface ContentListener {
  onFile(path: string): void;
  onBytes(bytes: number): void;
  onFailure(failure: Failure): void;
}

/** Empty files made by one call of a thread. */
const FILES_PER_CALL = 500;

/** Calls that a thread may have more than the least busy one before work is taken elsewhere. */
const MAX_CALLS_BEHIND = 2;

/** A file that is put together from parts. */
interface OpenFile {
  readonly job: FileJob;
  readonly request: PrepareRequest;
  remaining: number;
  prepared: Promise<void> | undefined;
  failed: boolean;
}

interface MutableUse {
  readonly location: BlobLocation;
  readonly whole: PlannedEntry[];
  readonly parts: { readonly path: string; readonly offset: number }[];
}

/** Nearly all blobs have one use: a list of one takes a tenth of the memory of a list that has grown. */
const NO_FILES: PlannedEntry[] = [];
const NO_PARTS: MutableUse['parts'] = [];

/**
 * Brings the content of files: fetches every blob once, in the order of the packs, and hands it to a thread that opens
 * it and writes it wherever it belongs. Files get their names when all their parts are written.
 */
export class ContentRestorer {
  readonly #fetcher: BlobFetcher;
  readonly #others: OtherCopies;
  readonly #workers: readonly RemoteService[];
  readonly #listener: ContentListener;
  readonly #uses = new Map<string, MutableUse>();
  readonly #files = new Map<string, OpenFile>();
  /** Complete without anything to fetch. */
  readonly #empty: FileJob[] = [];
  /** By pack. */
  readonly #workerOf = new Map<string, RemoteService>();

  constructor(
    fetcher: BlobFetcher,
    others: OtherCopies,
    workers: readonly RemoteService[],
    listener: ContentListener,
  ) {
    this.#fetcher = fetcher;
    this.#others = others;
    this.#workers = workers;
    this.#listener = listener;
  }

  /** Takes a file of the plan that is created or overwritten. */
  add(planned: PlannedEntry, parts: readonly ContentPart[]): void {
    if (parts.length === 0) return void this.#empty.push(fileJobOf(planned));
    const needed = partsToFetch(planned, parts);
    if (parts.length === 1 && needed.length === 1) return this.#addUse(needed[0]!.blob, planned);
    const job = fileJobOf(planned);
    const request = prepareRequestOf(planned, parts);
    const file: OpenFile = { job, request, remaining: needed.length, prepared: undefined, failed: false };
    this.#files.set(job.path, file);
    for (const { blob, offset } of needed) this.#addUse(blob, { path: job.path, offset });
  }

  /** Rejects with `cancelled`, StorageErrors and `target_unwritable`; temporary files are gone then, too. */
  async run(signal?: AbortSignal): Promise<void> {
    try {
      await this.#createEmpty();
      for (const file of [...this.#files.values()]) {
        if (file.remaining > 0) continue;
        await this.#prepare(file);
        await this.#finish(file);
      }
      let wanted = Array.from(this.#uses.values(), ({ location }) => location);
      while (wanted.length > 0) {
        const again: BlobLocation[] = [];
        await this.#fetcher.fetch(
          wanted,
          {
            onBytes: (range) => this.#write(range, again),
            onMissing: (blob, error) => this.#lost(blob, error.message, again),
          },
          signal,
          this.#workers.length,
        );
        wanted = again;
      }
    } finally {
      await this.#discardUnfinished();
    }
  }

  #addUse(location: BlobLocation, use: PlannedEntry | MutableUse['parts'][number]): void {
    const known = this.#uses.get(location.id);
    const isWhole = 'entry' in use;
    if (known === undefined) {
      const fresh = isWhole ? { whole: [use], parts: NO_PARTS } : { whole: NO_FILES, parts: [use] };
      this.#uses.set(location.id, { location, ...fresh });
    } else if (isWhole) {
      if (known.whole === NO_FILES) this.#uses.set(location.id, { ...known, whole: [use] });
      else known.whole.push(use);
    } else if (known.parts === NO_PARTS) this.#uses.set(location.id, { ...known, parts: [use] });
    else known.parts.push(use);
  }

  async #createEmpty(): Promise<void> {
    for (let start = 0; start < this.#empty.length; start += FILES_PER_CALL) {
      const jobs = this.#empty.slice(start, start + FILES_PER_CALL);
      this.#report(await leastBusy(this.#workers).call<readonly Failure[]>('create', jobs));
      for (const { path } of jobs) this.#listener.onFile(path);
    }
  }

  async #write({ packId, bytes, offset, blobs }: FetchedRange, again: BlobLocation[]): Promise<void> {
    const used = blobs.map(({ id }) => this.#uses.get(id)!);
    await Promise.all(
      used.flatMap(({ parts }) => parts.map(({ path }) => this.#prepare(this.#files.get(path)))),
    );
    const uses: BlobUse[] = used.map(({ whole, parts }) => ({
      whole: whole.map(fileJobOf),
      parts: parts.filter(({ path }) => this.#files.get(path)?.failed === false),
    }));
    const request: WriteRequest = { bytes, offset, blobs, uses };
    const answer = await this.#workerFor(packId).call<WriteAnswer>('write', request, [bytes.buffer]);
    this.#report(answer.failures);
    const failed = new Set(answer.failures.map(({ path }) => path));
    const damaged = new Map(answer.damaged.map(({ index, message }) => [index, message]));
    for (const [index, blob] of blobs.entries()) {
      const message = damaged.get(index);
      if (message === undefined) await this.#written(uses[index]!, blob, failed);
      else this.#lost(blob, message, again);
    }
  }

  /**
   * The thread that writes what is in this pack, unless it is far behind: neighbours in a pack are mostly of one file,
   * and threads that write to one file wait for each other.
   */
  #workerFor(packId: string): RemoteService {
    const idle = leastBusy(this.#workers);
    const own = this.#workerOf.get(packId);
    if (own !== undefined && own.pending <= idle.pending + MAX_CALLS_BEHIND) return own;
    this.#workerOf.set(packId, idle);
    return idle;
  }

  async #written(
    { whole, parts }: BlobUse,
    { id, lengthBytes }: BlobLocation,
    failedPaths: ReadonlySet<string>,
  ): Promise<void> {
    this.#uses.delete(id);
    this.#listener.onBytes(lengthBytes);
    for (const { path } of whole) if (!failedPaths.has(path)) this.#listener.onFile(path);
    for (const { path } of parts) {
      const file = this.#files.get(path);
      if (file === undefined || file.failed) continue;
      file.remaining -= 1;
      if (file.remaining === 0) await this.#finish(file);
    }
  }

  /** A blob that cannot be had from this place: from another one, or its files fail. */
  #lost(blob: BlobLocation, message: string, again: BlobLocation[]): void {
    const other = this.#others.after(blob, message, { sameLength: true });
    if (other !== undefined) return void again.push(other);
    const use = this.#uses.get(blob.id);
    if (use === undefined) return;
    this.#uses.delete(blob.id);
    const paths = [...use.whole.map(({ entry }) => entry.path), ...use.parts.map(({ path }) => path)];
    this.#report([...new Set(paths)].map((path) => ({ path, message })));
  }

  async #prepare(file: OpenFile | undefined): Promise<void> {
    if (file === undefined) return;
    file.prepared ??= leastBusy(this.#workers)
      .call<readonly Failure[]>('prepare', file.request)
      .then((failures) => this.#report(failures));
    await file.prepared;
  }

  async #finish(file: OpenFile): Promise<void> {
    if (file.failed) return;
    const { path } = file.job;
    const failures = await leastBusy(this.#workers).call<readonly Failure[]>('finish', [file.job]);
    this.#report(failures);
    if (failures.length > 0) return;
    this.#files.delete(path);
    this.#listener.onFile(path);
  }

  #report(failures: readonly Failure[]): void {
    for (const failure of failures) {
      const file = this.#files.get(failure.path);
      if (file?.failed) continue;
      if (file !== undefined) file.failed = true;
      this.#listener.onFailure(failure);
    }
  }

  async #discardUnfinished(): Promise<void> {
    const started = [...this.#files.values()].filter(({ prepared }) => prepared !== undefined);
    await Promise.allSettled(started.map((file) => this.#prepare(file)));
    const paths = started.map(({ job }) => job.path);
    if (paths.length > 0)
      await leastBusy(this.#workers)
        .call('discard', paths)
        .catch(() => undefined);
  }
}

export function replacedBy({ action, existing }: PlannedEntry): Replaces {
  if (action !== 'overwrite') return 'nothing';
  return existing?.type === 'dir' ? 'directory' : 'entry';
}

export function fileJobOf(planned: PlannedEntry): FileJob {
  const { path, sizeBytes, permissions, uid, gid, mtimeNs, atimeNs, attributes } = planned.entry;
  const replaces = replacedBy(planned);
  return { path, sizeBytes, permissions, uid, gid, mtimeNs, atimeNs, attributes, replaces };
}

function prepareRequestOf({ entry, reuse }: PlannedEntry, parts: readonly ContentPart[]): PrepareRequest {
  const resume = reuse?.from === 'temporary';
  const isPresent = (index: number): boolean => reuse?.present[index] === 1;
  return {
    path: entry.path,
    sizeBytes: entry.sizeBytes,
    resume,
    hasHoles: parts.some(({ isZero }) => isZero),
    copy: resume
      ? []
      : parts
          .filter(({ isZero }, index) => !isZero && isPresent(index))
          .map(({ blob, offset, lengthBytes }) => ({ id: blob.id, offset, lengthBytes })),
    clear: resume
      ? parts
          .filter(({ isZero }, index) => isZero && !isPresent(index))
          .map(({ offset, lengthBytes }) => ({ offset, lengthBytes }))
      : [],
  };
}
