import type { FileVersion, Node, SnapshotChange, SnapshotPath } from '../../snapshot-engine/index.js';
import type { EntryDto, FileVersionDto, SnapshotChangeDto } from './entry.dto.js';
import { snapshotPathJson } from './snapshot-paths.js';

const PERMISSIONS = 0o777;
const NS_PER_MS = 1_000_000n;
/** What a JavaScript date can be. */
const MAX_DATE_MS = 8_640_000_000_000_000n;

/** @param path of the entry, its own name last */
export function entryJson(node: Node, path: SnapshotPath): EntryDto {
  return {
    name: node.name.toString(),
    ...snapshotPathJson(path),
    type: node.type,
    size_bytes: node.sizeBytes ?? null,
    modified_at: moment(node.mtimeNs),
    mode: (node.mode & PERMISSIONS).toString(8).padStart(4, '0'),
    uid: node.uid,
    gid: node.gid,
    link_target: node.linkTarget?.toString() ?? null,
  };
}

export function changeJson({ kind, path, before, after }: SnapshotChange): SnapshotChangeDto {
  return {
    kind,
    before: before === undefined ? null : entryJson(before, path),
    after: after === undefined ? null : entryJson(after, path),
  };
}

export function versionJson({ node, snapshots }: FileVersion, path: SnapshotPath): FileVersionDto {
  const [newest, oldest] = [snapshots[0]!, snapshots.at(-1)!];
  return {
    entry: entryJson(node, path),
    newest_snapshot_id: newest.id,
    newest_received_at: moment(newest.timeNs)!,
    oldest_snapshot_id: oldest.id,
    oldest_received_at: moment(oldest.timeNs)!,
    snapshot_count: snapshots.length,
  };
}

function moment(timeNs: bigint): string | null {
  const ms = timeNs / NS_PER_MS;
  return ms > MAX_DATE_MS || ms < -MAX_DATE_MS ? null : new Date(Number(ms)).toISOString();
}
