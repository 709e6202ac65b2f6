import type { Chunker } from '../chunker/chunker.js';
import type { OwnerNames } from '../filesystem/owner-names.js';
import type { ArchivePolicy } from './archive-policy.js';
import type { IgnoreRules } from './ignore-rules.js';
import type { ZeroChunk } from './zero-chunk.js';

/** What all work of one run on one worker needs. */
export interface ArchiveContext {
  /** The workspace's root, opened. */
  readonly root: number;
  /** Absolute. */
  readonly rootPath: Buffer;
  readonly policy: ArchivePolicy;
  readonly rules: IgnoreRules;
  readonly owners: OwnerNames;
  readonly chunker: Chunker;
  readonly zeros: ZeroChunk;
  /** What has a later time stamp may change once more without a trace. */
  readonly settledBeforeNs: bigint;
}

const SLASH = Buffer.from('/');

/** `name` in `directory`; an empty directory is where one stands. */
export function joinPath(directory: Buffer, name: Uint8Array): Buffer {
  if (directory.length === 0) return bufferOf(name);
  return directory.at(-1) === SLASH[0]
    ? Buffer.concat([directory, name])
    : Buffer.concat([directory, SLASH, name]);
}

/** The same bytes: Buffers lose their class on the way to another thread. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
