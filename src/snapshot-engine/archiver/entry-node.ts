import { readSymlink } from '../filesystem/directory-changes.js';
import type { EntryStatus } from '../filesystem/entry-status.js';
import { readAttributes } from '../filesystem/extended-attributes.js';
import { isSystemError } from '../filesystem/libc.js';
import type { OwnerNames } from '../filesystem/owner-names.js';
import { goModeOf, nodeTypeOf } from '../snapshot/file-mode.js';
import type { Node } from '../snapshot/node.js';

/** An entry of an open directory. */
export interface EntryPlace {
  /** The open directory. */
  readonly directory: number;
  readonly name: Buffer;
  /** Absolute. */
  readonly path: Buffer;
}

/**
 * The node of an entry, without content and subtree, with the fields that restic fills for its type. The access time
 * is the modification time, as restic has it by default: reading a file must not change its tree.
 */
export function nodeOfEntry(place: EntryPlace, status: EntryStatus, owners: OwnerNames): Node {
  const { mtimeNs, ctimeNs, uid, gid, inode, deviceId, sizeBytes, links, device } = status;
  const type = nodeTypeOf(status.mode);
  const extendedAttributes = type === 'symlink' ? [] : attributesOf(place.path);
  return {
    name: place.name,
    type,
    mode: goModeOf(status.mode),
    mtimeNs,
    atimeNs: mtimeNs,
    ctimeNs,
    uid,
    gid,
    user: owners.userName(uid),
    group: owners.groupName(gid),
    inode,
    deviceId,
    ...(type === 'file' && { sizeBytes, links }),
    ...(type === 'symlink' && { links, linkTarget: readSymlink(place.directory, place.name) }),
    ...((type === 'dev' || type === 'chardev') && { links, device }),
    ...(extendedAttributes.length > 0 && { extendedAttributes }),
  };
}

function attributesOf(path: Buffer) {
  try {
    return readAttributes(path);
  } catch (error) {
    // A list that may not be seen is no reason to lose the content.
    if (isSystemError(error, 'EACCES', 'EPERM')) return [];
    throw error;
  }
}
