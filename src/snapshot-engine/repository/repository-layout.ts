import { isSha256Hex } from '../crypto/sha256-hex.js';
import type { RepositoryFileKind } from './repository-files.js';

/** restic's default layout, the same on every kind of storage: a folder a kind, packs below two hex digits; and ours. */
const FOLDERS: Readonly<Record<RepositoryFileKind, string>> = {
  key: 'keys/',
  snapshot: 'snapshots/',
  index: 'index/',
  pack: 'data/',
  lock: 'locks/',
  doomed: 'stowage/doomed/',
};

export const CONFIG_NAME = 'config';

const PACK_NAME = /^([0-9a-f]{2})\/(\1[0-9a-f]{62})$/;

/** Below the repository's prefix; begins the names of all files of a kind. */
export function folderOf(kind: RepositoryFileKind): string {
  return FOLDERS[kind];
}

/** Name of a file below the repository's prefix. Throws a TypeError unless `id` is 64 lower-case hex digits. */
export function fileName(kind: RepositoryFileKind, id: string): string {
  if (!isSha256Hex(id)) throw new TypeError('A repository file is named by 64 lower-case hex digits.');
  return kind === 'pack' ? `${FOLDERS.pack}${id.slice(0, 2)}/${id}` : FOLDERS[kind] + id;
}

/** The id in a name below the kind's folder; undefined for foreign files, which restic leaves alone too. */
export function idInFolder(kind: RepositoryFileKind, name: string): string | undefined {
  if (kind === 'pack') return PACK_NAME.exec(name)?.[2];
  return isSha256Hex(name) ? name : undefined;
}
