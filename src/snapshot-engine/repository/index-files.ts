import { BlobIndex, type IndexedPack } from '../blob-index/blob-index.js';
import {
  encodeIndexFile,
  indexFileGroups,
  parseIndexFile,
  refuseField,
  type PackListing,
} from '../blob-index/index-file.js';
import { LoopPacer } from '../blob-index/loop-pacer.js';
import type { BlobCipher } from '../crypto/blob-cipher.js';
import { inParallel } from './in-parallel.js';
import type { FileCallOptions, RepositoryFileInfo, RepositoryFiles } from './repository-files.js';
import { loadSealedFile, openSealedFile, saveSealedFile, type SealedFile } from './sealed-files.js';

/** Index files that are fetched at once: latency is hidden, memory stays bounded. */
const MAX_LOADS_AT_ONCE = 6;

/** Of JSON; twice what MAX_INDEX_FILE_BLOBS take when each lies in a pack of its own. */
const MAX_OPENED_BYTES = 32 * 1_024 * 1_024;

/** What an index has missed of the files that others have written or removed. */
export interface IndexChanges {
  /** Files that have been loaded by this call. */
  readonly added: readonly string[];
  /** Files that the index was made of and that are gone: packs listed there may be, too. */
  readonly vanished: readonly string[];
}

/** An index of all index files. Rejects when one of them cannot be read: a part of the truth is none. */
export async function loadIndexFiles(
  files: RepositoryFiles,
  cipher: BlobCipher,
  options: FileCallOptions = {},
): Promise<BlobIndex> {
  const index = new BlobIndex();
  await refreshIndexFiles(files, cipher, index, options);
  return index;
}

/**
 * Loads the index files that `index` does not have yet. What lies in vanished files stays in the index. Of a blob that
 * lies in several packs, the index finds the one that was listed first: nothing tells whether the pack of a later file
 * really holds it, and whoever has taken a host over can only add. So files are added in their order, the oldest first
 * as far as the store tells their times, although several are fetched at once.
 */
export async function refreshIndexFiles(
  files: RepositoryFiles,
  cipher: BlobCipher,
  index: BlobIndex,
  { signal }: FileCallOptions = {},
): Promise<IndexChanges> {
  const listed = new Map<string, RepositoryFileInfo>();
  for await (const info of files.list('index', { signal })) listed.set(info.id, info);
  const added = [...listed.values()].filter(({ id }) => !index.files.has(id)).sort(oldestFirst);
  const vanished = [...index.files].filter((id) => !listed.has(id));
  const pacer = new LoopPacer();
  let turn: Promise<unknown> = Promise.resolve();
  await inParallel(added, MAX_LOADS_AT_ONCE, ({ id }) => {
    const loading = loadSealedFile(files, cipher, 'index', id, { signal, pacer });
    const adding = Promise.all([loading, turn]).then(async ([json]) => {
      for await (const pack of paced(parseIndexFile(json, `index ${id}`), pacer, signal)) {
        index.add(pack.id, pack.blobs, { saved: true });
      }
      index.files.add(id);
    });
    turn = adding.catch(() => undefined);
    return adding;
  });
  return { added: added.map(({ id }) => id), vanished };
}

function oldestFirst(left: RepositoryFileInfo, right: RepositoryFileInfo): number {
  return left.lastModified.getTime() - right.lastModified.getTime() || (left.id < right.id ? -1 : 1);
}

/** The packs that one index file lists; reading rests whenever the event loop is due. */
export async function* readIndexFile(
  files: RepositoryFiles,
  cipher: BlobCipher,
  id: string,
  { signal, pacer = new LoopPacer() }: FileCallOptions & { readonly pacer?: LoopPacer } = {},
): AsyncGenerator<PackListing, void, void> {
  const json = await loadSealedFile(files, cipher, 'index', id, { signal, pacer });
  yield* paced(parseIndexFile(json, `index ${id}`), pacer, signal);
}

/**
 * The packs that an index file lists which a writer that nobody trusts has sealed, and which nobody has stored yet: by
 * this all readers read the same in it. Throws `damaged_repository` for anything that saveIndexFile would not write.
 */
export async function* openIndexFile(
  cipher: BlobCipher,
  file: SealedFile,
  { signal }: FileCallOptions = {},
): AsyncGenerator<PackListing, void, void> {
  const json = await openSealedFile(cipher, 'index', file, MAX_OPENED_BYTES);
  yield* paced(parseIndexFile(json, `index ${file.id}`, refuseField), new LoopPacer(), signal);
}

async function* paced(
  packs: Iterable<PackListing | undefined>,
  pacer: LoopPacer,
  signal: AbortSignal | undefined,
): AsyncGenerator<PackListing, void, void> {
  for (const pack of packs) {
    if (pack !== undefined) yield pack;
    if (pacer.isDue) {
      await pacer.rest();
      signal?.throwIfAborted();
    }
  }
}

/**
 * Writes index files for the packs that no file lists yet, and only those; their packs must be durable. Answers the
 * new files' ids. After a failure the packs of the files that had been written count as saved.
 */
export async function saveIndexFiles(
  files: RepositoryFiles,
  cipher: BlobCipher,
  index: BlobIndex,
  { signal }: FileCallOptions = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (const packs of indexFileGroups(index.unsavedPacks())) {
    const id = await saveIndexFile(files, cipher, listingsOf(packs), { signal });
    index.markSaved(packs.map((pack) => pack.id));
    index.files.add(id);
    ids.push(id);
  }
  return ids;
}

/** One after another, as they are written: a file's blobs would be a long step at once. */
function* listingsOf(packs: readonly IndexedPack[]): Generator<PackListing, void, void> {
  for (const pack of packs) {
    const blobs = pack.blobs();
    // Empty: it was removed from the index meanwhile.
    if (blobs.length > 0) yield { id: pack.id, blobs };
  }
}

/** Writes one index file; answers its id. */
export async function saveIndexFile(
  files: RepositoryFiles,
  cipher: BlobCipher,
  packs: Iterable<PackListing>,
  options: FileCallOptions = {},
): Promise<string> {
  const pacer = new LoopPacer();
  const pieces: Buffer[] = [];
  for (const piece of encodeIndexFile(packs)) {
    pieces.push(piece);
    if (pacer.isDue) await pacer.rest();
  }
  return saveSealedFile(files, cipher, 'index', Buffer.concat(pieces), options);
}
