import { Injectable } from '@nestjs/common';
import { Statements } from '../database/statements.js';
import { fileName, inParallel } from '../snapshot-engine/index.js';
import { isStorageError } from '../storage-providers/storage-errors.js';
import { bindingOf } from './content-binding.js';
import type { RepositoryPlace } from './opened-repository.js';
import { commitRefused, orderRefused } from './repositories-error.js';

/** A pack that an agent was given an order for, or an index file that the server has stored for it. */
export interface StoredFile {
  readonly id: string;
  readonly kind: 'pack' | 'index';
  readonly sizeBytes: number;
  /** Known to lie in the bucket: seen there, or relied upon by a commit. */
  readonly isStored: boolean;
}

export interface BookedFile extends StoredFile {
  /** Ordered before: the answer to its PUT may have been lost. */
  readonly isRepeated: boolean;
}

/** HEADs of one request under way at once. */
const LOOKS_AT_ONCE = 8;

/** Which of the files that agents have ordered really lie in the bucket. */
@Injectable()
export class StoredFiles {
  constructor(private readonly statements: Statements) {}

  /**
   * Ids of those for which no PUT may or need be signed, because they are there.
   * @throws RepositoriesError `order_refused` when something else lies under a name; StorageError
   */
  async alreadyThere(place: RepositoryPlace, files: readonly BookedFile[]): Promise<Set<string>> {
    const there = new Set(files.filter(({ isStored }) => isStored).map(({ id }) => id));
    const { looksBeforeOrder } = bindingOf(place.storage.capabilities);
    const found: StoredFile[] = [];
    await inParallel(
      files.filter(({ isStored, isRepeated }) => !isStored && (isRepeated || looksBeforeOrder)),
      LOOKS_AT_ONCE,
      async (file) => {
        const sizeBytes = await sizeOf(place, file);
        if (sizeBytes === undefined) return;
        if (sizeBytes !== file.sizeBytes)
          throw orderRefused(`something else lies in the bucket under the name of ${file.kind} ${file.id}`);
        found.push(file);
      },
    );
    await this.noteVerified(place, found);
    for (const { id } of found) there.add(id);
    return there;
  }

  /**
   * The files of a commit, ordered and (as far as it takes requests to know) stored.
   * @returns how many requests it took
   * @throws RepositoriesError `commit_refused` when one was never ordered, or is not in the bucket; StorageError
   */
  async assertStored(place: RepositoryPlace, ids: readonly string[]): Promise<number> {
    const files = await this.ordered(place, ids);
    if (!bindingOf(place.storage.capabilities).looksBeforeCommit) return 0;
    const unseen = files.filter(({ isStored }) => !isStored);
    const seen: StoredFile[] = [];
    try {
      await inParallel(unseen, LOOKS_AT_ONCE, async (file) => {
        if ((await sizeOf(place, file)) !== file.sizeBytes)
          throw commitRefused(`${file.kind} ${file.id} does not lie whole in the bucket`);
        seen.push(file);
      });
    } finally {
      // Also when one of many is missing: the others need not be looked at again.
      await this.noteVerified(place, seen);
    }
    return unseen.length;
  }

  private async ordered(place: RepositoryPlace, ids: readonly string[]): Promise<StoredFile[]> {
    if (ids.length === 0) return [];
    const rows = await this.statements.query<OrderedRow>(ORDERED, [place.row.id, bytesOf(ids)]);
    const known = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => {
      const row = known.get(id);
      if (row === undefined) throw commitRefused(`file ${id} was never ordered`);
      return { id, kind: row.kind, sizeBytes: Number(row.size_bytes), isStored: row.is_stored };
    });
  }

  private async noteVerified({ row }: RepositoryPlace, files: readonly StoredFile[]): Promise<void> {
    if (files.length === 0) return;
    await this.statements.query(VERIFIED, [row.id, bytesOf(files.map(({ id }) => id))]);
  }
}

export function bytesOf(ids: readonly string[]): Buffer[] {
  return ids.map((id) => Buffer.from(id, 'hex'));
}

/** In the bucket; undefined when it is not there. */
async function sizeOf(
  { storage, prefix }: RepositoryPlace,
  { kind, id }: StoredFile,
): Promise<number | undefined> {
  try {
    return (await storage.head(`${prefix}/${fileName(kind, id)}`)).sizeBytes;
  } catch (error) {
    if (isStorageError(error, 'object_not_found')) return undefined;
    throw error;
  }
}

interface OrderedRow {
  readonly id: string;
  readonly kind: 'pack' | 'index';
  readonly size_bytes: string;
  readonly is_stored: boolean;
}

const ORDERED = {
  name: 'repositories_ordered_files',
  text: `SELECT encode(id, 'hex') AS id, kind, size_bytes, is_verified OR is_committed AS is_stored
    FROM stored_packs WHERE repository_id = $1 AND id = ANY($2::bytea[])`,
};

const VERIFIED = {
  name: 'repositories_verified_files',
  text: `UPDATE stored_packs SET is_verified = true WHERE repository_id = $1 AND id = ANY($2::bytea[])`,
};
