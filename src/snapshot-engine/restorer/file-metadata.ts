import {
  setOpenOwner,
  setOpenPermissions,
  setOwner,
  setPermissions,
} from '../filesystem/directory-changes.js';
import {
  listAttributes,
  readAttribute,
  removeAttribute,
  writeAttribute,
} from '../filesystem/extended-attributes.js';
import { setOpenTimes, setTimes } from '../filesystem/file-times.js';
import { isSystemError } from '../filesystem/libc.js';
import { bytesOf } from './raw-path.js';
import type { WantedEntry } from './wanted-entry.js';

export type Metadata = Pick<
  WantedEntry,
  'permissions' | 'uid' | 'gid' | 'mtimeNs' | 'atimeNs' | 'attributes'
>;

/**
 * Gives an open file or directory its owner, attributes, mode and times, in this order: a new owner clears privileges,
 * attributes need the right to write, and everything changes the times. `fresh`: it was made just now, by its owner.
 */
export function dressOpen(fd: number, metadata: Metadata, fresh: boolean): void {
  const { permissions, uid, gid, attributes, atimeNs, mtimeNs } = metadata;
  if (uid !== -1) setOpenOwner(fd, uid, gid);
  if (attributes.length > 0 || !fresh) {
    if (!fresh) setOpenPermissions(fd, (permissions & 0o777) | 0o600);
    dressAttributes(fd, attributes, fresh);
  }
  setOpenPermissions(fd, permissions);
  setOpenTimes(fd, atimeNs, mtimeNs);
}

/** The same for what cannot be opened: links, FIFOs, sockets, devices. */
export function dressEntry(directory: number, name: string, metadata: Metadata, isLink: boolean): void {
  const bytes = bytesOf(name);
  if (metadata.uid !== -1) setOwner(directory, bytes, metadata.uid, metadata.gid);
  // A directory that is held open by its number in /proc cannot be exchanged; the last name is not followed.
  if (metadata.attributes.length > 0) {
    const path = Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), bytes]);
    dressAttributes(path, metadata.attributes, true);
  }
  if (!isLink) setPermissions(directory, bytes, metadata.permissions);
  setTimes(bytes, metadata.atimeNs, metadata.mtimeNs, directory);
}

/** `fresh`: there are none yet. */
function dressAttributes(owner: Buffer | number, attributes: Metadata['attributes'], fresh: boolean): void {
  if (!fresh) unlessImpossible(() => removeOthers(owner, new Set(attributes.map(({ name }) => name))));
  for (const { name, value } of attributes) {
    unlessImpossible(() => {
      if (fresh || !readAttribute(owner, name)?.equals(value)) writeAttribute(owner, name, value);
    });
  }
}

/** File systems without attributes, and namespaces that are not the caller's, lose them: the content matters more. */
function unlessImpossible(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!isSystemError(error, 'ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EACCES', 'E2BIG', 'ERANGE', 'EINVAL'))
      throw error;
  }
}

function removeOthers(owner: Buffer | number, wanted: ReadonlySet<string>): void {
  for (const name of listAttributes(owner)) {
    if (name.startsWith('user.') && !wanted.has(name)) removeAttribute(owner, name);
  }
}
