import type { RestoreStatus } from '../../agent-protocol/messages.js';
import { formatBytes, formatSeconds } from './amounts.js';

/** How a restore ended, for people. */
export function restoreText({ state, result, error_detail: detail }: RestoreStatus): string {
  if (state === 'cancelled') return 'The restore was cancelled.';
  if (result === null) return `The restore failed: ${detail ?? 'for an unknown reason'}`;
  const { files, bytes, verified, duration_ms, failed, failed_count, refused, refused_count } = result;
  const proof = verified ? 'all content verified' : 'not all content could be written';
  const lines = [
    `${files} files, ${formatBytes(bytes)} restored in ${formatSeconds(duration_ms / 1_000)}, ${proof}`,
    ...failed.map(({ path, reason }) => `  failed   ${path}: ${reason}`),
    ...refused.map(({ path, reason }) => `  refused  ${path}: ${reason}`),
  ];
  const unnamed = failed_count + refused_count - failed.length - refused.length;
  if (unnamed > 0) lines.push(`  and ${unnamed} more`);
  return lines.join('\n');
}
