import { isAbsolute } from 'node:path';
import { AgentError } from '../agent-error.js';
import { isWithin, realPath } from '../path-bounds.js';

/**
 * Throws `target_forbidden` for what no restore may write into: the agent's own folder, with its key in it, what lies
 * in it, and what it lies in (a mirror would delete it).
 */
export function assertTargetAllowed(target: string, dataDir: string): void {
  if (!isAbsolute(target)) {
    throw new AgentError('target_forbidden', `${target} is no absolute path; a restore needs one.`);
  }
  const [real, own] = [realPath(target), realPath(dataDir)];
  if (!isWithin(real, own) && !isWithin(own, real)) return;
  const message = `${target} is, holds or lies in the agent's own folder ${dataDir}; choose another directory.`;
  throw new AgentError('target_forbidden', message);
}
