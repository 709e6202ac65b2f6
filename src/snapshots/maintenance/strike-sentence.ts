import type { StrikeResult } from '../../snapshot-engine/index.js';

/** What users are told of packs that were taken off an index; undefined when there was none. Pure. */
export function strikeSentence({ struck, affected }: StrikeResult): string | undefined {
  const [first] = struck;
  if (first === undefined) return undefined;
  const more = struck.length > 1 ? ` ${struck.length - 1} more of its kind.` : '';
  const what = `Pack ${first.id} did not hold what a host had said of it, and was taken off the index.${more}`;
  const advice = 'Find out whether that host is in somebody else’s hands.';
  const [path] = affected;
  if (path === undefined) return `${what} No snapshot suffers. ${advice}`;
  const paths =
    affected.length === 1 ? '1 path of a snapshot needs' : `${affected.length} paths of snapshots need`;
  return (
    `${what} ${paths} what no pack holds, the first is ${path.path} of ${path.snapshotId.slice(0, 8)}; ` +
    `the next run stores it again if the host still has it. ${advice}`
  );
}
