import { createCipheriv, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from '@jest/globals';
import {
  isStorageError,
  StorageError,
  type StorageErrorCode,
} from '../../../src/storage-providers/storage-errors.js';
import type { ObjectContent, ObjectStorage } from '../../../src/storage-providers/storage-provider.js';

/** A storage under test, and the same bucket as seen by callers who must be refused. */
export interface ContractStore {
  readonly storage: ObjectStorage;
  /** The same account with a wrong secret; absent where there are no secrets. */
  wrongSecret?(): ObjectStorage;
  /** The same account, but a bucket that does not exist. */
  missingBucket(): ObjectStorage;
  /** A key that may only read; absent where the server has none. */
  readonly readOnly?: { open(): ObjectStorage; readonly permission?: string };
  /** The same storage with a client clock that is `offsetMs` ahead. */
  withClock?(offsetMs: number): ObjectStorage;
  /** False where the type of an object is nobody's to keep (local_disk: files have none). */
  readonly keepsContentType?: false;
  /** False where a provider has nothing to end: Azure keeps uncommitted blocks for a week. */
  readonly forgetsAborted?: false;
  /** Closes everything that was opened and stops the server when this row started it. */
  close(): Promise<void>;
}

export const MIB = 1024 * 1024;

/** Keys of one test: nothing that another test stores is in its way. */
export function freshPrefix(): string {
  return `contract/${randomUUID()}/`;
}

/** `sizeBytes` bytes that never repeat, so that a lost or doubled piece shows: the key stream of a cipher. */
export function someBytes(sizeBytes: number, seed = 1): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

/** The same bytes as a stream of pieces, as they come from a network. */
export function streamOf(bytes: Buffer, pieceBytes = 65_536): Readable {
  function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  return Readable.from(pieces(), { objectMode: false });
}

export async function collect(content: ObjectContent): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of content.body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function read(storage: ObjectStorage, key: string): Promise<Buffer> {
  return collect(await storage.get(key));
}

export function putText(storage: ObjectStorage, key: string, text: string, options = {}) {
  return storage.put(key, Buffer.from(text), { sizeBytes: Buffer.byteLength(text), ...options });
}

/** What head and get must answer for an object that was put with this type. */
export function typeOf(store: ContractStore, contentType: string): string | undefined {
  return store.keepsContentType === false ? undefined : contentType;
}

export async function exists(storage: ObjectStorage, key: string): Promise<boolean> {
  try {
    await storage.head(key);
    return true;
  } catch (error) {
    if (isStorageError(error, 'object_not_found')) return false;
    throw error;
  }
}

/**
 * The error of a call that must fail. Whatever fails, fails with a StorageError that says what to do and
 * can be shown to a user.
 */
export async function failure(promise: Promise<unknown>): Promise<StorageError> {
  const error = await promise.then(
    () => new Error('The call succeeded although it must fail.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof StorageError)) throw error;
  expect(error.hint).not.toBe('');
  expect(error.message).not.toMatch(/Signature=|AWSAccessKeyId|Bearer |PRIVATE KEY/);
  return error;
}

export async function failureCode(promise: Promise<unknown>): Promise<StorageErrorCode> {
  return (await failure(promise)).code;
}
