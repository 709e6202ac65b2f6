import { isRepositoryError } from '../../snapshot-engine/index.js';

/** Raw names from the root of the snapshot down. */
export type EntryPath = readonly Buffer[];

/** What can be asked about the snapshot that is rehearsed. */
export interface DrillProbe {
  /** Bytes that a restore would write: of everything (no path), or of what lies at and below one. */
  bytesAt(path: EntryPath): Promise<number>;
  isDirectory(path: EntryPath): boolean;
  /** Of a directory; a large one answers only some. */
  children(path: EntryPath): Promise<readonly EntryPath[]>;
}

/** What of a snapshot is rehearsed. */
export interface DrillExtent {
  /** Undefined: all of it. */
  readonly paths?: readonly EntryPath[];
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Each asks for the trees below a path. */
const MAX_PROBES = 60;

/**
 * All of a snapshot if it fits into `limitBytes`; otherwise entries drawn by lot that do, taken apart where one alone is
 * too large. `random` answers 0 <= x < 1.
 */
export async function drillExtent(
  probe: DrillProbe,
  limitBytes: number,
  random: () => number,
): Promise<DrillExtent> {
  const totalBytes = await sizeOf(probe, []);
  if (totalBytes <= limitBytes) return { bytes: totalBytes, totalBytes };
  const waiting = shuffled(await probe.children([]), random);
  const paths: EntryPath[] = [];
  let bytes = 0;
  for (let probes = 0; probes < MAX_PROBES && waiting.length > 0; probes += 1) {
    const path = waiting.pop()!;
    const size = await sizeOf(probe, path);
    if (bytes + size <= limitBytes) {
      paths.push(path);
      bytes += size;
    } else if (probe.isDirectory(path)) {
      waiting.push(...shuffled(await probe.children(path), random));
    }
  }
  return { paths, bytes, totalBytes };
}

/** More entries than a restore takes are too many in the same way as too many bytes are. */
async function sizeOf(probe: DrillProbe, path: EntryPath): Promise<number> {
  try {
    return await probe.bytesAt(path);
  } catch (error) {
    if (isRepositoryError(error, 'unsafe_repository')) return Infinity;
    throw error;
  }
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let at = result.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [result[at], result[other]] = [result[other]!, result[at]!];
  }
  return result;
}
