import { createHash, randomUUID, type Hash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { StorageError } from '../../storage-errors.js';
import type { ObjectBody } from '../../storage-provider.js';
import { exactBody } from '../http/exact-body.js';
import { makeFolders } from './bucket-folder.js';
import { hasErrno, type DiskCall } from './disk-failure.js';
import { TEMP_FOLDER } from './key-places.js';

export interface BodyToWrite {
  readonly body: ObjectBody;
  readonly sizeBytes: number;
  readonly md5?: Uint8Array;
  readonly sha256?: Uint8Array;
  readonly idleMs: number;
}

export interface TempFile {
  readonly path: string;
  readonly stats: BigIntStats;
}

/**
 * Writes a body to a new file that no reader sees and makes its bytes durable. Rejects with `integrity` when the body
 * has another length or digest; nothing is left behind then. A failed fsync fails the call: the kernel may have
 * dropped the bytes, and a second fsync would claim that they are safe.
 */
export async function writeTempFile(call: DiskCall, bucket: string, source: BodyToWrite): Promise<TempFile> {
  const path = join(bucket, TEMP_FOLDER, randomUUID());
  const handle = await createFile(bucket, path);
  try {
    const digests = digestsOf(source);
    await writeBody(call, handle, source, digests);
    assertDigests(call, digests);
    await handle.sync();
    const stats = await handle.stat({ bigint: true });
    await handle.close();
    return { path, stats };
  } catch (error) {
    await handle.close().catch(() => undefined);
    await discard(path);
    throw error;
  }
}

/** Removes a temporary file; one that is gone is no error. */
export async function discard(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!hasErrno(error, 'ENOENT')) throw error;
  });
}

async function createFile(bucket: string, path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
    await makeFolders(bucket, join(bucket, TEMP_FOLDER));
    return open(path, 'wx', 0o600);
  }
}

async function writeBody(
  { operation, signal }: DiskCall,
  handle: FileHandle,
  { body, sizeBytes, idleMs }: BodyToWrite,
  digests: readonly ExpectedDigest[],
): Promise<void> {
  const stop = () => body instanceof Readable && body.destroy(signal?.reason as Error);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const onChunk = (chunk: Uint8Array) => digests.forEach(({ hash }) => hash.update(chunk));
    const exact = await exactBody(body, { sizeBytes, operation, idleMs, onChunk });
    const chunks = Symbol.asyncIterator in exact ? exact : [exact];
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      await writeWhole(handle, chunk);
    }
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength;) {
    const { bytesWritten } = await handle.write(chunk, at);
    at += bytesWritten;
  }
}

interface ExpectedDigest {
  readonly hash: Hash;
  readonly expected: Uint8Array;
}

function digestsOf({ md5, sha256 }: BodyToWrite): ExpectedDigest[] {
  return [
    ...(md5 === undefined ? [] : [{ hash: createHash('md5'), expected: md5 }]),
    ...(sha256 === undefined ? [] : [{ hash: createHash('sha256'), expected: sha256 }]),
  ];
}

function assertDigests({ operation }: DiskCall, digests: readonly ExpectedDigest[]): void {
  if (digests.every(({ hash, expected }) => hash.digest().equals(expected))) return;
  throw new StorageError(
    'integrity',
    'The body is not the one whose digest was announced; nothing was stored.',
    {
      operation,
      hint: 'Send the body that belongs to the digest.',
      retryable: false,
      providerCode: 'BadDigest',
    },
  );
}
