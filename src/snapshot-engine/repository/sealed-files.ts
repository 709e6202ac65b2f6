import { hash } from 'node:crypto';
import { compressFileAsync, decompressFileAsync } from '../compression/file-compression.js';
import type { LoopPacer } from '../blob-index/loop-pacer.js';
import type { BlobCipher } from '../crypto/blob-cipher.js';
import { damaged } from '../errors/repository-error.js';
import type { FileCallOptions, RepositoryFiles } from './repository-files.js';

/** Files that are compressed and sealed as a whole. */
export type SealedFileKind = 'snapshot' | 'index' | 'lock' | 'doomed';

/** What is to be stored under its name. */
export interface SealedFile {
  /** SHA-256 of `bytes`. */
  readonly id: string;
  readonly bytes: Buffer;
}

export async function sealFile(cipher: BlobCipher, plaintext: Uint8Array): Promise<SealedFile> {
  const bytes = cipher.seal(await compressFileAsync(plaintext));
  return { id: hash('sha256', bytes), bytes };
}

/** Compresses, seals and stores. Answers the id: SHA-256 of what is stored. Resolves when it is durable. */
export async function saveSealedFile(
  files: RepositoryFiles,
  cipher: BlobCipher,
  kind: SealedFileKind,
  plaintext: Uint8Array,
  options?: FileCallOptions,
): Promise<string> {
  const { id, bytes } = await sealFile(cipher, plaintext);
  await files.save(kind, id, bytes, options);
  return id;
}

/**
 * The plaintext of a stored file. Throws `damaged_repository` when its bytes do not have its name or are not what
 * was sealed, and passes on StorageErrors, e.g. `object_not_found`.
 */
export async function loadSealedFile(
  files: RepositoryFiles,
  cipher: BlobCipher,
  kind: SealedFileKind,
  id: string,
  { pacer, ...options }: FileCallOptions & { readonly pacer?: LoopPacer } = {},
): Promise<Buffer> {
  const sealed = await files.load(kind, id, options);
  // Large files that arrive together would hold the event loop together.
  await pacer?.rest();
  return openSealedFile(cipher, kind, { id, bytes: sealed });
}

/**
 * The plaintext of a file that is in memory. Throws `damaged_repository` as `loadSealedFile` does, and for more than
 * `maxPlaintextBytes`.
 */
export async function openSealedFile(
  cipher: BlobCipher,
  kind: SealedFileKind,
  { id, bytes }: SealedFile,
  maxPlaintextBytes?: number,
): Promise<Buffer> {
  const subject = `${kind} ${id}`;
  if (hash('sha256', bytes) !== id) throw damaged(subject, 'its bytes do not have its name');
  return decompressFileAsync(cipher.open(bytes, subject), subject, maxPlaintextBytes);
}
