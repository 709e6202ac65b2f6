import { isUtf8 } from 'node:buffer';

/** Names that ZIP readers take for paths of their own. */
const DRIVE = /^[a-zA-Z]:/;
/** The format's limit is 65,535. */
const MAX_NAME_BYTES = 65_000;

export interface ZipName {
  /** Relative, with slashes; undefined: it cannot be in an archive. */
  readonly name: string | undefined;
  /** Whether the entry is called so in the snapshot, too. */
  readonly isExact: boolean;
}

/** What an entry is called in a ZIP archive: UTF-8, no backslash, nothing that looks like a drive. */
export function zipName(path: readonly Uint8Array[]): ZipName {
  const bytes = Buffer.concat(path.flatMap((name, at) => (at === 0 ? [name] : [SLASH, name])));
  const text = bytes.toString();
  const name = text.replaceAll('\\', '_').replace(DRIVE, (drive) => `${drive[0]}_`);
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return { name: undefined, isExact: false };
  return { name, isExact: name === text && isUtf8(bytes) };
}

const SLASH = Buffer.from('/');
