import type { NodeType } from './node.js';

/** Go's os.FileMode bits above the permissions. `2 ** 31` and not `1 << 31`, which is negative. */
const GO_DIR = 2 ** 31;
const GO_SYMLINK = 1 << 27;
const GO_DEVICE = 1 << 26;
const GO_NAMED_PIPE = 1 << 25;
const GO_SOCKET = 1 << 24;
const GO_SETUID = 1 << 23;
const GO_SETGID = 1 << 22;
const GO_CHAR_DEVICE = 1 << 21;
const GO_STICKY = 1 << 20;
const GO_IRREGULAR = 1 << 19;

const S_IFMT = 0o170000;
const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_ISVTX = 0o1000;
const PERMISSIONS = 0o777;

interface Kind {
  readonly type: NodeType;
  readonly unix: number;
  readonly go: number;
}

/** Go marks a character device with both bits; with the second alone restic would not know it again. */
const KINDS: readonly Kind[] = [
  { type: 'file', unix: 0o100000, go: 0 },
  { type: 'dir', unix: 0o040000, go: GO_DIR },
  { type: 'symlink', unix: 0o120000, go: GO_SYMLINK },
  { type: 'dev', unix: 0o060000, go: GO_DEVICE },
  { type: 'chardev', unix: 0o020000, go: GO_DEVICE + GO_CHAR_DEVICE },
  { type: 'fifo', unix: 0o010000, go: GO_NAMED_PIPE },
  { type: 'socket', unix: 0o140000, go: GO_SOCKET },
];
const IRREGULAR: Kind = { type: 'irregular', unix: 0, go: GO_IRREGULAR };

const BY_UNIX = new Map(KINDS.map((kind) => [kind.unix, kind]));
const BY_TYPE = new Map([...KINDS, IRREGULAR].map((kind) => [kind.type, kind]));

/** What kind of node a file of this `st_mode` becomes. */
export function nodeTypeOf(unixMode: number): NodeType {
  return (BY_UNIX.get(unixMode & S_IFMT) ?? IRREGULAR).type;
}

/** Go's os.FileMode of a `st_mode`, as it stands in a node. */
export function goModeOf(unixMode: number): number {
  const { go } = BY_UNIX.get(unixMode & S_IFMT) ?? IRREGULAR;
  const special =
    (unixMode & S_ISUID ? GO_SETUID : 0) |
    (unixMode & S_ISGID ? GO_SETGID : 0) |
    (unixMode & S_ISVTX ? GO_STICKY : 0);
  return go + special + (unixMode & PERMISSIONS);
}

/** Permissions with setuid, setgid and sticky of a node's mode, as `chmod` takes them. */
export function permissionsOf(goMode: number): number {
  return (
    (goMode & PERMISSIONS) |
    (goMode & GO_SETUID ? S_ISUID : 0) |
    (goMode & GO_SETGID ? S_ISGID : 0) |
    (goMode & GO_STICKY ? S_ISVTX : 0)
  );
}

/**
 * `st_mode` of a node. The kind comes from the node's type: other programs have written character devices without
 * their bits.
 */
export function unixModeOf(type: NodeType, goMode: number): number {
  return BY_TYPE.get(type)!.unix | permissionsOf(goMode);
}
