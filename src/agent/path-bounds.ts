import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import type { PathBounds } from '../agent-protocol/messages.js';
import { AgentError } from './agent-error.js';

/**
 * Throws `path_refused` when a path leads out of its bounds: asked right before it is read or written, since a symbolic
 * link on its way may have been made after the server allowed the path.
 */
export function assertWithinBounds(path: string, bounds: PathBounds | undefined): void {
  if (bounds === undefined) return;
  const real = realPath(path);
  const refuse = (why: string): never => {
    const where = real === path ? path : `${path} leads to ${real}, which`;
    throw new AgentError('path_refused', `${where} ${why}`);
  };
  const meets = (folder: string) => isWithin(real, folder) || isWithin(folder, real);
  if (bounds.forbidden.map(realPath).some(meets))
    refuse('holds the data of the server itself, or lies in it.');
  if (bounds.roots === null || bounds.roots.some((root) => isWithin(real, realPath(root)))) return;
  const roots = bounds.roots.length === 0 ? 'there is none' : bounds.roots.join(', ');
  refuse(`is not below a folder that the server's operator allows in WORKSPACE_ROOTS: ${roots}.`);
}

/** Whether it is the folder or lies in it; both without links on their way. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith('../');
}

/** With its links resolved as far as it exists. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
  }
}
