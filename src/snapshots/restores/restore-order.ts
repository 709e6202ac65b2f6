import type { FieldError } from '../../errors/stowage-error.js';
import { isRepositoryError, parseSnapshotPath } from '../../snapshot-engine/index.js';
import { isWithin } from '../workspaces/workspace-path.js';
import type { NewRestoreDto } from './restores.dto.js';

/** What is wrong with the fields of a restore besides each one's own shape. */
export function restoreProblems(wanted: NewRestoreDto): FieldError[] {
  const errors: FieldError[] = [];
  if ((wanted.snapshot_id === undefined) === (wanted.workspace_id === undefined)) {
    const detail = 'name either a snapshot_id, or a workspace_id for its newest snapshot';
    errors.push({ pointer: '/snapshot_id', detail, code: 'exclusive' });
  }
  if (wanted.mirror === true && wanted.destination !== 'in-place') {
    errors.push({
      pointer: '/mirror',
      detail: 'is only possible with destination in-place',
      code: 'in_place_only',
    });
  }
  for (const [at, path] of (wanted.paths ?? []).entries()) {
    if (relativePath(path) === undefined) {
      const detail = 'must be the path of an entry below the workspace, without . and ..';
      errors.push({ pointer: `/paths/${at}`, detail, code: 'snapshot_path' });
    }
  }
  return errors;
}

/** Without slashes at its ends; undefined for what no entry can be called, and for the workspace itself. */
export function relativePath(path: string): string | undefined {
  try {
    const names = parseSnapshotPath(path);
    return names.length === 0 || !path.isWellFormed() ? undefined : names.map(String).join('/');
  } catch (error) {
    if (isRepositoryError(error, 'path_not_found')) return undefined;
    throw error;
  }
}

/** A new directory beside the workspace's, named after the moment of the snapshot. */
export function targetBeside(workspacePath: string, receivedAt: Date): string {
  const moment = receivedAt.toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
  return `${workspacePath === '/' ? '/workspace' : workspacePath}-restored-${moment}`;
}

/** Whether a restore would change what the workspace's own snapshots are taken of, or delete something. */
export function needsConfirmation(
  { destination, mirror }: Pick<NewRestoreDto, 'destination' | 'mirror'>,
  target: string,
  workspace: { readonly path: string; readonly isOnSameHost: boolean },
): boolean {
  if (mirror === true) return true;
  const { path, isOnSameHost } = workspace;
  if (!isOnSameHost || destination !== 'in-place') return false;
  return isWithin(target, path) || isWithin(path, target);
}
