import { isUtf8 } from 'node:buffer';
import { validationFailed } from '../../errors/request-errors.js';
import { parseSnapshotPath, showPath, type SnapshotPath } from '../../snapshot-engine/index.js';

/** A path in a snapshot as a request names it: as text, or for names that are no UTF-8 as base64url of its bytes. */
export interface PathQuery {
  readonly path?: string;
  readonly raw_path?: string;
}

/** @throws RepositoryError `path_not_found`; RequestError `validation_failed` for both at once */
export function readSnapshotPath({ path, raw_path }: PathQuery): Buffer[] {
  if (path !== undefined && raw_path !== undefined) {
    const detail = 'must not be given beside path';
    throw validationFailed([{ pointer: 'raw_path', detail, code: 'exclusive' }]);
  }
  return parseSnapshotPath(raw_path === undefined ? (path ?? '') : Buffer.from(raw_path, 'base64url'));
}

/** A path as an answer shows it; `raw_path` only where the text says not all. */
export function snapshotPathJson(path: SnapshotPath): {
  readonly path: string;
  readonly raw_path: string | null;
} {
  const bytes = Buffer.concat(path.flatMap((name) => [SLASH, Buffer.from(name)]));
  return { path: showPath(path), raw_path: isUtf8(bytes) ? null : bytes.toString('base64url') };
}

const SLASH = Buffer.from('/');
