import { damaged } from '../errors/repository-error.js';
import { goJsonString } from './go-json.js';
import { formatTime } from './go-time.js';
import { isObject, SnapshotFields } from './snapshot-fields.js';
import { decodeSummary, encodeSummary, type SnapshotSummary } from './snapshot-summary.js';

/** A root tree, when it was so, and where it came from. Its id is that of the file that holds it. */
export interface Snapshot {
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  /** Id of the snapshot before this one, of the same paths. */
  readonly parent?: string;
  /** Id of the root's tree blob. */
  readonly tree: string;
  readonly paths: readonly string[];
  readonly hostname?: string;
  readonly username?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly excludes?: readonly string[];
  readonly tags?: readonly string[];
  /** Id of the snapshot that this one was, before its tags or the like were changed. */
  readonly original?: string;
  /** What wrote it, e.g. `restic 0.18.0`. */
  readonly programVersion?: string;
  readonly summary?: SnapshotSummary;
}

/** Far above any; a snapshot names a few paths. */
const MAX_SNAPSHOT_BYTES = 16 * 1_024 * 1_024;

/** A snapshot file's plaintext, as restic writes it; times in UTC. */
export function encodeSnapshot(snapshot: Snapshot): Buffer {
  const { timeNs, parent, tree, paths, uid, gid, summary } = snapshot;
  return Buffer.from(
    `{"time":"${formatTime(timeNs)}"${parent === undefined ? '' : `,"parent":"${parent}"`},"tree":"${tree}"` +
      `,"paths":${list(paths)}${optional('hostname', snapshot.hostname)}${optional('username', snapshot.username)}` +
      `${uid ? `,"uid":${uid}` : ''}${gid ? `,"gid":${gid}` : ''}` +
      `${optionalList('excludes', snapshot.excludes)}${optionalList('tags', snapshot.tags)}` +
      `${optional('original', snapshot.original)}${optional('program_version', snapshot.programVersion)}` +
      `${summary === undefined ? '' : `,"summary":${encodeSummary(summary)}`}}`,
  );
}

function list(texts: readonly string[]): string {
  return `[${texts.map(goJsonString).join(',')}]`;
}

function optionalList(key: string, texts: readonly string[] | undefined): string {
  return texts === undefined || texts.length === 0 ? '' : `,"${key}":${list(texts)}`;
}

function optional(key: string, text: string | undefined): string {
  return text ? `,"${key}":${goJsonString(text)}` : '';
}

/**
 * Reads a snapshot file's plaintext of any restic or compatible writer: what is missing is left out, what is unknown
 * is ignored. Throws `damaged_repository` when it is no JSON, or has no time or tree, or a value of a wrong kind.
 */
export function decodeSnapshot(bytes: Uint8Array, subject: string): Snapshot {
  if (bytes.length > MAX_SNAPSHOT_BYTES) throw damaged(subject, 'it is larger than any snapshot');
  const fields = new SnapshotFields(parse(bytes, subject), subject);
  return {
    timeNs: fields.required('time', fields.time('time')),
    parent: fields.id('parent'),
    tree: fields.required('tree', fields.id('tree')),
    paths: fields.texts('paths') ?? [],
    hostname: fields.text('hostname'),
    username: fields.text('username'),
    uid: fields.count('uid'),
    gid: fields.count('gid'),
    excludes: fields.texts('excludes'),
    tags: fields.texts('tags'),
    original: fields.id('original'),
    programVersion: fields.text('program_version'),
    summary: decodeSummary(fields.object('summary')),
  };
}

function parse(bytes: Uint8Array, subject: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (error) {
    throw damaged(subject, 'it is no JSON', error);
  }
  if (!isObject(value)) throw damaged(subject, 'it is no JSON object');
  return value;
}
