import { createHash } from 'node:crypto';
import { etagOf } from '../../rest/etag.js';

/** What users can change of a file. */
export interface ChangeableFile {
  readonly id: number;
  readonly version: number;
  readonly filename: string;
  readonly folder: string;
  readonly tags: readonly string[];
  readonly protected: boolean;
}

/** ETag of what users can change of a file, its content included: equal as long as none of it has changed. */
export function fileEtag(file: ChangeableFile): string {
  const { id, version, filename, folder, tags } = file;
  const state = JSON.stringify([id, version, filename, folder, tags, file.protected]);
  return etagOf(createHash('sha256').update(state).digest('hex').slice(0, 32));
}
