import { isSha256Hex } from '../crypto/sha256-hex.js';
import type { BlobCipher } from '../crypto/blob-cipher.js';
import { damaged } from '../errors/repository-error.js';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import type { RepositoryFiles } from '../repository/repository-files.js';
import { loadSealedFile, saveSealedFile } from '../repository/sealed-files.js';
import type { DoomedPack } from './deletion-plan.js';

/**
 * Which packs have been found unreachable and wait for their deletion. From the moment in which `doom` resolves, no
 * snapshot may be committed that relies on them. A server may keep rows; `DoomedPacksInBucket` needs nobody.
 */
export interface DoomedPacks {
  /** All of them, in any order; of one that is doomed twice the later time. */
  list(signal?: AbortSignal): Promise<readonly DoomedPack[]>;
  /** Resolves when everybody who asks will learn of them. */
  doom(packs: readonly DoomedPack[], signal?: AbortSignal): Promise<void>;
  /** They are needed after all; the grace period of others may begin anew. Unknown ids are no error. */
  rescue(packIds: ReadonlySet<string>, signal?: AbortSignal): Promise<void>;
  /** They exist no longer; `list` may go on to name some of them. */
  forget(packIds: ReadonlySet<string>, signal?: AbortSignal): Promise<void>;
}

/**
 * Keeps them as sealed files beside the repository, where restic does not look: a file for each prune that doomed
 * some. A file is written before the one that it replaces is removed, so a crash leaves packs doomed that need not be,
 * never the other way round. A file counts from when the provider says that it arrived, if that is later than what it
 * says itself: should a removed one come back through a repeated request, nothing is deleted on the ground of it soon.
 */
export class DoomedPacksInBucket implements DoomedPacks {
  readonly #files: RepositoryFiles;
  readonly #cipher: BlobCipher;
  /** Files never change. */
  #known = new Map<string, readonly DoomedPack[]>();

  constructor(files: RepositoryFiles, cipher: BlobCipher) {
    this.#files = files;
    this.#cipher = cipher;
  }

  async list(signal?: AbortSignal): Promise<readonly DoomedPack[]> {
    const latest = new Map<string, DoomedPack>();
    for (const pack of [...(await this.#load(signal)).values()].flat()) {
      const known = latest.get(pack.id);
      if (known === undefined || known.sinceMs < pack.sinceMs) latest.set(pack.id, pack);
    }
    return [...latest.values()];
  }

  async doom(packs: readonly DoomedPack[], signal?: AbortSignal): Promise<void> {
    if (packs.length > 0) await this.#save(packs, signal);
  }

  async rescue(packIds: ReadonlySet<string>, signal?: AbortSignal): Promise<void> {
    for (const [fileId, packs] of await this.#load(signal)) {
      const left = packs.filter(({ id }) => !packIds.has(id));
      if (left.length === packs.length) continue;
      if (left.length > 0) await this.#save(left, signal);
      await this.#files.remove('doomed', fileId, { signal });
    }
  }

  async forget(packIds: ReadonlySet<string>, signal?: AbortSignal): Promise<void> {
    for (const [fileId, packs] of await this.#load(signal)) {
      if (packs.every(({ id }) => packIds.has(id))) await this.#files.remove('doomed', fileId, { signal });
    }
  }

  /** By file. */
  async #load(signal: AbortSignal | undefined): Promise<Map<string, readonly DoomedPack[]>> {
    const files = new Map<string, readonly DoomedPack[]>();
    for await (const { id, lastModified } of this.#files.list('doomed', { signal })) {
      const packs = this.#known.get(id) ?? (await this.#loadFile(id, lastModified.getTime(), signal));
      if (packs !== undefined) files.set(id, packs);
    }
    this.#known = files;
    return files;
  }

  /** `undefined` when the file has been removed since it was listed. */
  async #loadFile(fileId: string, arrivedMs: number, signal: AbortSignal | undefined) {
    const subject = `The list of doomed packs ${fileId}`;
    try {
      const json = await loadSealedFile(this.#files, this.#cipher, 'doomed', fileId, { signal });
      return parseDoomed(json, subject).map((pack) => ({
        ...pack,
        sinceMs: Math.max(pack.sinceMs, arrivedMs),
      }));
    } catch (error) {
      if (isStorageError(error, 'object_not_found')) return undefined;
      throw error;
    }
  }

  async #save(packs: readonly DoomedPack[], signal: AbortSignal | undefined): Promise<void> {
    const list = packs.map(({ id, sinceMs, generation }) => ({ id, since: sinceMs, generation }));
    const json = Buffer.from(JSON.stringify({ packs: list }));
    await saveSealedFile(this.#files, this.#cipher, 'doomed', json, { signal });
  }
}

function parseDoomed(json: Buffer, subject: string): DoomedPack[] {
  let parsed: { readonly packs?: readonly Record<string, unknown>[] };
  try {
    parsed = JSON.parse(json.toString()) as typeof parsed;
  } catch (error) {
    throw damaged(subject, 'it is no JSON', error);
  }
  return (parsed.packs ?? []).map(({ id, since, generation }) => {
    if (typeof id !== 'string' || !isSha256Hex(id)) throw damaged(subject, 'it names no pack');
    if (!Number.isFinite(since) || !Number.isInteger(generation)) throw damaged(subject, 'it has no time');
    return { id, sinceMs: since as number, generation: generation as number };
  });
}
