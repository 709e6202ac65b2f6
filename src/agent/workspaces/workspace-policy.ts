import { realpathSync } from 'node:fs';
import { relative } from 'node:path';
import type { DesiredWorkspace } from '../../agent-protocol/messages.js';
import { DEFAULT_POLICY, type ArchivePolicy } from '../../snapshot-engine/index.js';

/** What of the workspace is stored. The agent's own folder, with its key, never is. */
export function policyOf(
  { path, excludes }: Pick<DesiredWorkspace, 'path' | 'excludes'>,
  dataDir: string,
): ArchivePolicy {
  const own = relative(realPath(path), realPath(dataDir));
  const isInside = own !== '' && own !== '..' && !own.startsWith('../');
  return { ...DEFAULT_POLICY, excludes: isInside ? [...excludes, `/${asPattern(own)}`] : excludes };
}

/** The path with its links resolved, as far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Of a name in gitignore syntax: no character of it means anything. */
function asPattern(name: string): string {
  return name.replace(/[\\*?[\]!# ]/g, '\\$&');
}
