import { spokenDuration } from './spoken-duration.js';

/** Who was not restored for so long may not be restorable any more. */
const PROOF_VALID_DAYS = 30;
const DAY_MS = 86_400_000;

/** A sentence on when a restore of one of a workspace's snapshots last ran to its end, all hashes equal. */
export function restorabilitySentence(lastProvenAtMs: number | undefined, nowMs: number): string {
  if (lastProvenAtMs === undefined) {
    return 'Never proven: no snapshot was restored and compared yet. Start a drill to know.';
  }
  const ageMs = nowMs - lastProvenAtMs;
  const proof = `A snapshot was restored and every hash compared ${spokenDuration(ageMs)} ago`;
  if (ageMs <= PROOF_VALID_DAYS * DAY_MS) return `${proof}.`;
  return `Not proven for more than ${PROOF_VALID_DAYS} days: ${proof[0]!.toLowerCase()}${proof.slice(1)}. Start a drill.`;
}
