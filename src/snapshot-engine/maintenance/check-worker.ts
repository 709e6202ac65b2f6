import { hash } from 'node:crypto';
import { BlobCipher } from '../crypto/blob-cipher.js';
import type { MasterKey } from '../crypto/master-key.js';
import { RepositoryError } from '../errors/repository-error.js';
import { encodePackHeader, readPackHeader, type PackHeader } from '../pack/pack-header.js';
import type { PackedBlob } from '../pack/packed-blob.js';
import { readBlob } from '../pack/read-blob.js';
import { releaseMemory } from '../workers/release-memory.js';
import type { WorkerService } from '../workers/worker-service.js';

export interface PackToCheck {
  readonly packId: string;
  readonly bytes: Uint8Array;
  /** The header as the index would have it; `undefined`: no index names the pack. */
  readonly expectedHeader: Uint8Array | undefined;
}

export interface PackFinding {
  readonly message: string;
  /** `header`: the blobs below are those that the index names and the header does not, or all. */
  readonly kind: 'header' | 'differs' | 'mixed_types' | 'duplicate_blob' | 'blob';
  readonly blob?: Pick<PackedBlob, 'type' | 'id'>;
}

/** Verifies whole packs on a worker thread: every byte is authenticated and every blob's hash computed. */
export function createCheckService({ masterKey }: { readonly masterKey: MasterKey }): WorkerService {
  const cipher = new BlobCipher(masterKey);
  return { checkPack: (pack: PackToCheck): PackFinding[] => checkPack(cipher, pack) };
}

function checkPack(cipher: BlobCipher, { packId, bytes, expectedHeader }: PackToCheck): PackFinding[] {
  const subject = `Pack ${packId}`;
  // What the index says proves that a pack is the right one; without it only the name can.
  if (expectedHeader === undefined && hash('sha256', bytes, 'hex') !== packId) {
    return [{ kind: 'header', message: `${subject} is damaged: its bytes do not have its name.` }];
  }
  let header: PackHeader;
  try {
    header = readPackHeader(cipher, bytes, subject);
  } catch (cause) {
    return [{ kind: 'header', message: messageOf(cause) }];
  }
  const findings: PackFinding[] = header.findings.map((kind) => ({
    kind,
    message: kind === 'mixed_types' ? `${subject} holds data and trees.` : `${subject} holds a blob twice.`,
  }));
  if (expectedHeader !== undefined && !encodePackHeader(header.blobs).equals(expectedHeader)) {
    findings.push({ kind: 'differs', message: `${subject} holds other blobs than the index says.` });
  }
  for (const blob of header.blobs) {
    const problem = blobProblem(cipher, blob, bytes);
    if (problem !== undefined)
      findings.push({ kind: 'blob', message: problem, blob: { type: blob.type, id: blob.id } });
  }
  releaseMemory(bytes);
  return findings;
}

function blobProblem(cipher: BlobCipher, blob: PackedBlob, pack: Uint8Array): string | undefined {
  try {
    releaseMemory(readBlob(cipher, blob, pack.subarray(blob.offset, blob.offset + blob.lengthBytes)));
    return undefined;
  } catch (cause) {
    return messageOf(cause);
  }
}

function messageOf(cause: unknown): string {
  if (cause instanceof RepositoryError) return cause.message;
  throw cause;
}
