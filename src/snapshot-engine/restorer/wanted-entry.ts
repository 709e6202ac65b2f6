import { permissionsOf } from '../snapshot/file-mode.js';
import type { ExtendedAttribute, Node, NodeType } from '../snapshot/node.js';
import type { OwnerNames } from '../filesystem/owner-names.js';
import { DEFAULT_ATTRIBUTES, type RestoreOptions } from './restore-options.js';

/** What shall be at a path. Small: there are as many as files in the snapshot. */
export interface WantedEntry {
  /** Relative to the target, raw bytes as latin1 (one byte, one character); empty for the target itself. */
  readonly path: string;
  readonly type: NodeType;
  /** With setuid, setgid and sticky. */
  readonly permissions: number;
  /** -1: as it comes. */
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly atimeNs: bigint;
  readonly sizeBytes: number;
  /** Ids of data blobs in order; of files. */
  readonly content: readonly string[];
  /** Raw bytes as latin1; of symbolic links. */
  readonly linkTarget?: string;
  readonly device?: bigint;
  readonly attributes: readonly ExtendedAttribute[];
  /** The same for all names of one file. */
  readonly hardLink?: string;
  /** On the way to what was asked for: made when it is missing, otherwise left as it is. */
  readonly ancestor: boolean;
}

/** Why something of the snapshot will not be restored. */
export type RefusalReason =
  /** The name leads out of its directory, or cannot be a name. */
  | 'unsafe_name'
  | 'duplicate_name'
  /** Names of the restore's own temporary files. */
  | 'reserved_name'
  | 'path_too_long'
  /** A device, FIFO or socket that was not asked for. */
  | 'special_file'
  /** A type that this program does not know, or that has no form on a disk. */
  | 'unsupported_type'
  /** What the node says of itself makes no sense. */
  | 'damaged_entry'
  | 'missing_tree'
  | 'damaged_tree'
  | 'missing_blob'
  /** The chunks are together not as long as the file is said to be. */
  | 'size_mismatch'
  /** A directory lies where something else belongs, and nothing was allowed to be deleted. */
  | 'in_the_way'
  /** Another file system is mounted where something would be deleted. */
  | 'other_file_system';

export interface Refusal {
  /** Raw bytes as latin1. */
  readonly path: string;
  readonly reason: RefusalReason;
}

/** Decides what of a node is believed: privileges, owners and attributes only as far as the options allow. */
export class EntryPolicy {
  readonly #options: RestoreOptions;
  readonly #names: OwnerNames | undefined;
  readonly #chown: boolean;
  readonly #attributes: readonly string[];

  /** `names` with `owners: 'names'`. */
  constructor(options: RestoreOptions, isRoot: boolean, names?: OwnerNames) {
    this.#options = options;
    this.#names = options.owners === 'names' ? names : undefined;
    this.#chown = isRoot && options.owners !== 'none';
    this.#attributes = ['user.', ...(options.attributes ?? DEFAULT_ATTRIBUTES)];
  }

  entryOf(node: Node, path: string, ancestor: boolean): WantedEntry {
    const isFile = node.type === 'file';
    const hardLink = hardLinkOf(node);
    return {
      path,
      type: node.type,
      permissions: this.#permissions(node),
      ...this.#ownerOf(node),
      mtimeNs: node.mtimeNs,
      atimeNs: node.atimeNs,
      sizeBytes: isFile ? (node.sizeBytes ?? 0) : 0,
      // A copy has the length that it needs; a list that has grown has room for many more.
      content:
        isFile && node.content !== undefined && node.content.length > 0 ? node.content.slice() : NOTHING,
      ...(node.linkTarget !== undefined && { linkTarget: node.linkTarget.toString('latin1') }),
      ...(node.device !== undefined && { device: node.device }),
      attributes: this.#attributesOf(node),
      ...(hardLink !== undefined && { hardLink }),
      ancestor,
    };
  }

  /** Why a node is not restored, whatever its name is. */
  refusalOf(node: Node): RefusalReason | undefined {
    switch (node.type) {
      case 'file':
        return node.content === undefined ? 'damaged_entry' : undefined;
      case 'dir':
        return node.subtree === undefined ? 'damaged_entry' : undefined;
      case 'symlink':
        return isLinkTarget(node.linkTarget) ? undefined : 'damaged_entry';
      case 'dev':
      case 'chardev':
      case 'fifo':
      case 'socket':
        return this.#options.specialFiles ? undefined : 'special_file';
      case 'irregular':
        return 'unsupported_type';
    }
  }

  #ownerOf({ uid, gid, user, group }: Node): Pick<WantedEntry, 'uid' | 'gid'> {
    if (!this.#chown) return { uid: -1, gid: -1 };
    return {
      uid: (user === undefined ? undefined : this.#names?.uidOf(user)) ?? uid,
      gid: (group === undefined ? undefined : this.#names?.gidOf(group)) ?? gid,
    };
  }

  #permissions({ mode }: Node): number {
    return permissionsOf(mode) & (this.#options.privileges ? 0o7777 : 0o1777);
  }

  #attributesOf({ extendedAttributes }: Node): readonly ExtendedAttribute[] {
    if (extendedAttributes === undefined || extendedAttributes.length === 0) return NOTHING;
    return extendedAttributes.filter(({ name }) => this.#allows(name) && !name.includes('\0'));
  }

  #allows(name: string): boolean {
    if (name === 'security.capability') return this.#options.privileges === true;
    return this.#attributes.some((allowed) =>
      allowed.endsWith('.') ? name.startsWith(allowed) : name === allowed,
    );
  }
}

const NOTHING: readonly never[] = [];

/** Linux has no empty target and none longer than a path. */
function isLinkTarget(target: Buffer | undefined): boolean {
  return target !== undefined && target.length > 0 && target.length <= 4_095 && !target.includes(0);
}

/** Size and content belong to it: nodes of one inode that tell different things are different files. */
function hardLinkOf({ type, links, inode, deviceId, sizeBytes, content }: Node): string | undefined {
  if (type === 'dir' || links === undefined || links < 2 || inode === undefined) return undefined;
  return `${type} ${deviceId ?? 0n} ${inode} ${sizeBytes ?? 0} ${content?.length ?? 0} ${content?.[0] ?? ''}`;
}
