import type { NamedProblem, RestoreResult } from '../../agent-protocol/messages.js';
import type { RehearsalOutcome } from './rehearse-restore.js';
import type { DrillEnd } from './drill-rows.js';

/** More are counted and not named. */
const MAX_NAMED = 20;

type Refusals = RehearsalOutcome['restored']['refused'];

/** Pure: what became of a drill. Devices and sockets, which are not made in scratch space, spoil no proof. */
export function drillVerdict(
  { extent, restored, verified }: RehearsalOutcome,
  durationMs: number,
): DrillEnd & { readonly result: RestoreResult } {
  const { failed } = restored;
  const refused = restored.refused.filter(({ reason }) => reason !== 'special_file');
  const result: RestoreResult = {
    files: restored.filesRestored,
    bytes: restored.summary.bytesToWrite,
    verified,
    duration_ms: durationMs,
    failed: failed.slice(0, MAX_NAMED).map(({ path, message }) => ({ path: shown(path), reason: message })),
    failed_count: failed.length,
    refused: namedRefusals(refused),
    refused_count: refused.length,
  };
  const paths = extent.paths?.map((path) => path.map((name) => name.toString()).join('/'));
  if (failed.length + refused.length > 0) {
    const lost = failed.length + refused.length;
    const entries = lost === 1 ? '1 entry' : `${lost} entries`;
    const detail = `${entries} could not be restored, the first is ${(result.failed[0] ?? result.refused[0])!.path}.`;
    return { state: 'partial', paths, result, code: 'restore_incomplete', detail };
  }
  if (!verified) {
    const detail = 'What lies on the disk after the restore is not what the snapshot holds.';
    return { state: 'failed', paths, result, code: 'integrity', detail };
  }
  if (extent.paths?.length === 0) {
    const detail = `There is no room for even one of its files (${extent.totalBytes} bytes in all). Free some space in DATA_DIR.`;
    return { state: 'failed', paths, result, code: 'target_unwritable', detail };
  }
  return { state: 'succeeded', paths, result };
}

function namedRefusals(refused: Refusals): NamedProblem[] {
  return refused.slice(0, MAX_NAMED).map(({ path, reason }) => ({ path: shown(path), reason }));
}

/** Engine paths are raw bytes as latin1. */
function shown(path: string): string {
  return Buffer.from(path, 'latin1').toString();
}
