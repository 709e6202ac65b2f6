export const NODE_TYPES = [
  'file',
  'dir',
  'symlink',
  'dev',
  'chardev',
  'fifo',
  'socket',
  'irregular',
] as const;

export type NodeType = (typeof NODE_TYPES)[number];

export interface ExtendedAttribute {
  readonly name: string;
  readonly value: Buffer;
}

/** One entry of a tree: a name and what lies under it, as restic's design document describes it. */
export interface Node {
  /** Raw bytes, as the file system has them; need not be UTF-8. */
  readonly name: Buffer;
  readonly type: NodeType;
  /** Go's os.FileMode (permissions, setuid, setgid, sticky and the type bits), unsigned. */
  readonly mode: number;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  readonly atimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  readonly inode?: bigint;
  readonly deviceId?: bigint;
  /** Bytes; files only. */
  readonly sizeBytes?: number;
  /** Hard links; not of directories. */
  readonly links?: number;
  readonly linkTarget?: Buffer;
  readonly extendedAttributes?: readonly ExtendedAttribute[];
  /** Major and minor number of a device, as `st_rdev`. */
  readonly device?: bigint;
  /** Ids of the data blobs in order; of files only, empty for an empty one. */
  readonly content?: readonly string[];
  /** Id of the tree blob; of directories only. */
  readonly subtree?: string;
  /** What went wrong when the node was read. */
  readonly error?: string;
  /** Windows attributes of another program's snapshot, kept as they are (JSON). */
  readonly genericAttributes?: string;
}
