import { BlobCipher } from '../crypto/blob-cipher.js';
import type { MasterKey } from '../crypto/master-key.js';
import { setOpenPermissions } from '../filesystem/directory-changes.js';
import { readBlob } from '../pack/read-blob.js';
import type { PackedBlob } from '../pack/packed-blob.js';
import { releaseMemory } from '../workers/release-memory.js';
import { Transferring, type WorkerService } from '../workers/worker-service.js';
import { compareFile, copyPresent, type Comparison, type PresentPart } from './content-comparison.js';
import { Failures, type Failure } from './entry-failure.js';
import { dressInPlace, placeEntry, type PlacedEntry } from './entry-placement.js';
import { FileWriter, type FileJob, type PreparedFile } from './file-writer.js';
import { dressOpen, type Metadata } from './file-metadata.js';
import { TargetDirectories } from './target-directories.js';
import { scanDirectory, type ScannedEntry } from './target-scan.js';

export interface RestoreWorkerInit {
  /** Descriptor of the target; threads share them. Absent where only trees are read. */
  readonly root?: number;
  readonly masterKey: MasterKey;
  readonly sparse: boolean;
}

/** Sealed bytes that begin at `offset` of a pack, and the blobs in them. */
export interface OpenRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offset: number;
  readonly blobs: readonly PackedBlob[];
}

export interface OpenedBlobs {
  /** In the order of the blobs; what is wrong with one instead of its content. */
  readonly plaintexts: readonly (Uint8Array | string)[];
}

/** Where a blob's content goes. */
export interface BlobUse {
  /** Files that are this blob and nothing else. */
  readonly whole: readonly FileJob[];
  /** Places in prepared files. */
  readonly parts: readonly { readonly path: string; readonly offset: number }[];
}

export interface WriteRequest extends OpenRequest {
  /** In the order of the blobs. */
  readonly uses: readonly BlobUse[];
}

export interface WriteAnswer {
  /** By their place in the request: blobs that are not what they should be. */
  readonly damaged: readonly { readonly index: number; readonly message: string }[];
  readonly failures: readonly Failure[];
}

export interface PrepareRequest extends PreparedFile {
  /** Of the file that lies at the path: copied, because the file is replaced as a whole. */
  readonly copy: readonly PresentPart[];
  /** Zeros to be made sure of, in what an interrupted restore has left. */
  readonly clear: readonly { readonly offset: number; readonly lengthBytes: number }[];
}

export interface DirectoryJob extends Metadata {
  readonly path: string;
  readonly replace: boolean;
}

/** One that was opened up for the restore, and the mode that it had. */
export interface ClosedDirectory {
  readonly path: string;
  readonly permissions: number;
}

/**
 * The restore's side on a worker thread: opens and verifies blobs, writes files, all beneath the target's descriptor.
 * What concerns one entry is answered as a failure; what concerns the whole target (a full disk) is thrown.
 */
export function createRestoreService({ root, masterKey, sparse }: RestoreWorkerInit): WorkerService {
  const cipher = new BlobCipher(masterKey);
  const directories = new TargetDirectories(root ?? -1);
  const writer = new FileWriter(directories, sparse);
  const each = <T extends { path: string }>(
    items: readonly T[],
    act: (item: T) => void,
  ): readonly Failure[] => {
    const failures = new Failures();
    for (const item of items) failures.attempt(item.path, () => act(item));
    return failures.list;
  };
  return {
    open: (request: OpenRequest) => open(cipher, request),
    write: (request: WriteRequest) => write(cipher, writer, request),
    create: (jobs: readonly FileJob[]) => each(jobs, (job) => writer.writeWhole(job, Buffer.alloc(0))),
    prepare: (request: PrepareRequest) =>
      each([request], (file) => {
        writer.prepare(file);
        for (const { offset, lengthBytes } of file.clear) writer.clearPart(file.path, offset, lengthBytes);
        copyPresent(directories, writer, file.path, file.copy);
      }),
    finish: (jobs: readonly FileJob[]) => each(jobs, (job) => writer.finish(job)),
    discard: (paths: readonly string[]) => each(asItems(paths), ({ path }) => writer.discard(path)),
    compare: (comparison: Comparison) => compareFile(directories, writer, comparison),
    scan: (paths: readonly string[]): ScannedEntry[][] =>
      paths.map((path) => scanDirectory(directories, path)),
    makeDirectories: (jobs: readonly DirectoryJob[]) =>
      each(jobs, ({ path, replace }) => directories.make(path, replace)),
    dressDirectories: (jobs: readonly DirectoryJob[]) =>
      each(jobs, (job) => dressOpen(directories.get(job.path), job, false)),
    closeDirectories: (jobs: readonly ClosedDirectory[]) =>
      each(jobs, ({ path, permissions }) => setOpenPermissions(directories.get(path), permissions)),
    dress: (jobs: readonly FileJob[]) => each(jobs, (job) => dressInPlace(directories, job)),
    place: (entries: readonly PlacedEntry[]) => each(entries, (entry) => placeEntry(directories, entry)),
    remove: (entries: readonly { path: string; isDirectory: boolean }[]) =>
      each(entries, ({ path, isDirectory }) => directories.remove(path, isDirectory)),
    close: () => {
      writer.close();
      directories.close();
    },
  };
}

function asItems(paths: readonly string[]): readonly { path: string }[] {
  return paths.map((path) => ({ path }));
}

function open(cipher: BlobCipher, { bytes, offset, blobs }: OpenRequest): Transferring<OpenedBlobs> {
  const plaintexts = blobs.map((blob) => {
    try {
      // In memory of its own, as it moves to the other thread.
      return Uint8Array.from(readBlob(cipher, blob, sealedBytes(bytes, offset, blob)));
    } catch (error) {
      return (error as Error).message;
    }
  });
  const buffers = plaintexts.flatMap((plaintext) =>
    typeof plaintext === 'string' ? [] : [plaintext.buffer],
  );
  return new Transferring({ plaintexts }, buffers);
}

function write(cipher: BlobCipher, writer: FileWriter, request: WriteRequest): WriteAnswer {
  const { bytes, offset, blobs, uses } = request;
  const failures = new Failures();
  const damaged: { index: number; message: string }[] = [];
  for (const [index, blob] of blobs.entries()) {
    let content: Buffer;
    try {
      content = readBlob(cipher, blob, sealedBytes(bytes, offset, blob));
    } catch (error) {
      damaged.push({ index, message: (error as Error).message });
      continue;
    }
    const { whole, parts } = uses[index]!;
    for (const job of whole) failures.attempt(job.path, () => writer.writeWhole(job, content));
    for (const part of parts) {
      failures.attempt(part.path, () => writer.writePart(part.path, content, part.offset));
    }
    releaseMemory(content);
  }
  releaseMemory(bytes);
  return { damaged, failures: failures.list };
}

function sealedBytes(bytes: Uint8Array, offset: number, blob: PackedBlob): Uint8Array {
  const start = blob.offset - offset;
  return bytes.subarray(start, start + blob.lengthBytes);
}
