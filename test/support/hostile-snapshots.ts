import { noise } from './noise.js';
import { node, type RawNode, type SnapshotMaker } from './snapshot-maker.js';
import type { RestorableSnapshot } from '../../src/snapshot-engine/restorer/restore-snapshot.js';
import type { RestoreOptions } from '../../src/snapshot-engine/restorer/restore-options.js';

/** A snapshot that no archiver of good will makes, and what becomes of it. */
export interface HostileSnapshot {
  readonly what: string;
  readonly make: (maker: SnapshotMaker) => readonly RawNode[] | RestorableSnapshot;
  /** Paths that are refused, with reasons; in any order. Others must not be. */
  readonly refused?: readonly string[];
  /** Paths that fail while the rest is restored. */
  readonly failed?: readonly string[];
  /** Names in the target afterwards, when it was new. */
  readonly left?: readonly string[];
  /** The whole restore is refused with this code. */
  readonly code?: string;
  readonly options?: RestoreOptions;
}

const text = Buffer.from('written by the snapshot');
const NULL_ID = '0'.repeat(64);
const ABSENT_ID = 'ab'.repeat(32);

const OUTSIDE_NAMES = [
  '..', '.', '', '/', 'a/b', '../x', '../../x', '/etc/canary', './x', 'a/../../x', '..//x', 'x/', '/', '//x', '../canary/file',
  '\\u0000', 'nul\\x00inside', 'x\\x00/../y', 'a\\u002fb', '..\\u002fx', '\\x2e\\x2e', '\\x2e', '\\u002e\\u002e\\u002fx',
  '\\x2e\\x2e\\x2fcanary', '\\056\\056', '\\U0000002e\\U0000002e',
]; // prettier-ignore

/** Odd, but names like any other on Linux. */
const INSIDE_NAMES = [
  '...', '....', '. .', ' ..', '.. ', '..a', 'a..', '~', '~root', '-rf', '--', '*', '$(id)', '`id`', ';id', '|id', '&', 'C:x', 'CON',
  'nul', 'aux.txt', 'a:b', '%2e%2e', '%2f', '..%2fx', '..;', '\\\\..\\\\x', '..\\\\canary', 'a\\\\b', '\\xff\\xfe', '\\x80', '\\xc0\\xaf',
  '\\xc0\\xae\\xc0\\xae', '\\u2215', '\\uff0e\\uff0e', '\\u202egnp.exe', '\\x1b[2J', '\\n', '\\r\\n', '\\t', '\\u0001', '\\ufeff', '\\u200b',
]; // prettier-ignore

const LINK_TARGETS = [
  '/', '/etc', '/etc/passwd', '/proc/self/root', '/proc/self/fd/0', '/proc/self/cwd', '/dev/null', '..', '../..', '../../../..',
  '../canary', '../canary/file', '.', './link', 'link', '/dev/stdin', '/proc/1/root/etc', 'x'.repeat(4_000), '\\n', '//', '~',
]; // prettier-ignore

export const HOSTILE_SNAPSHOTS: readonly HostileSnapshot[] = [
  ...OUTSIDE_NAMES.flatMap((name): HostileSnapshot[] => [
    {
      what: `a file called ${JSON.stringify(name)}`,
      make: (maker) => [maker.file(name, text), maker.file('honest', text)],
      refused: ['unsafe_name'],
      left: ['honest'],
    },
    {
      what: `a directory called ${JSON.stringify(name)} with a file in it`,
      make: (maker) => [maker.dir(name, [maker.file('file', text)]), maker.file('honest', text)],
      refused: ['unsafe_name'],
      left: ['honest'],
    },
  ]),
  ...INSIDE_NAMES.map(
    (name): HostileSnapshot => ({
      what: `a harmless file called ${JSON.stringify(name)}`,
      make: (maker) => [maker.file(name, text)],
    }),
  ),
  ...LINK_TARGETS.flatMap((target): HostileSnapshot[] => [
    {
      what: `a file beneath a link to ${JSON.stringify(target.slice(0, 30))}`,
      make: (maker) => [maker.symlink('link', target), maker.dir('link', [maker.file('file', text)])],
      refused: ['duplicate_name'],
      left: ['link'],
    },
    {
      what: `a directory and then a link to ${JSON.stringify(target.slice(0, 30))} in its place`,
      make: (maker) => [maker.dir('link', [maker.file('file', text)]), maker.symlink('link', target)],
      refused: ['duplicate_name'],
      left: ['link'],
    },
  ]),
  {
    what: 'a chain of links and a file through it',
    make: (maker) => [
      maker.symlink('a', '..'),
      maker.symlink('b', 'a/canary'),
      maker.symlink('c', 'b/file'),
      maker.dir('b', [maker.file('file', text)]),
      maker.file('c', text),
    ],
    refused: ['duplicate_name', 'duplicate_name'],
  },
  ...['file', 'symlink', 'dir'].map(
    (first): HostileSnapshot => ({
      what: `a ${first} and a file of one name`,
      make: (maker) => [
        first === 'file'
          ? maker.file('x', Buffer.from('first'))
          : first === 'dir'
            ? maker.dir('x', [])
            : maker.symlink('x', '../canary/file'),
        maker.file('x', text),
      ],
      refused: ['duplicate_name'],
      left: ['x'],
    }),
  ),
  {
    what: 'names that differ by case or normal form only',
    make: (maker) => ['a', 'A', '\\u00e9', 'e\\u0301', '\\u212b', '\\u00c5'].map((name) => maker.file(name, text)),
  },
  ...(['fifo', 'socket', 'dev', 'chardev'] as const).map(
    (type): HostileSnapshot => ({
      what: `a ${type} that nobody asked for`,
      make: (maker) => [maker.special('special', type)],
      refused: ['special_file'],
      left: [],
    }),
  ),
  {
    what: 'a node of no type',
    make: (maker) => [maker.special('odd', 'irregular'), node('odder', 'door', 0o777, {})],
    refused: ['unsupported_type', 'unsupported_type'],
    left: [],
  },
  ...['.stowage-restore', `.stowage-restore.${'0'.repeat(24)}`].map(
    (name): HostileSnapshot => ({
      what: `our own name ${name}`,
      make: (maker) => [maker.file(name, text), maker.dir('d', [maker.symlink(name, '/etc/passwd')])],
      refused: ['reserved_name', 'reserved_name'],
      left: ['d'],
    }),
  ),
  ...([
    ['a size without content', { size: 2 ** 50, content: [] }, 'size_mismatch'],
    ['a size beyond all numbers', { size: 1e300, content: [] }, 'damaged_tree'],
    ['a negative size', { size: -1 }, 'damaged_tree'],
    ['content longer than its size', { size: 3 }, 'size_mismatch'],
    ['content shorter than its size', { size: 2 ** 40 }, 'size_mismatch'],
    ['content that no index has', { size: 1, content: [ABSENT_ID] }, 'missing_blob'],
    ['content of no id', { size: 1, content: [NULL_ID] }, 'missing_blob'],
    ['content of ids that are none', { size: 1, content: ['../../../etc/passwd'] }, 'missing_blob'],
    ['no list of content', { content: null }, 'damaged_entry'],
  ] as const).map(
    ([what, more, reason]): HostileSnapshot => ({
      what: `a file with ${what}`,
      make: (maker) => [maker.file('file', text, more), maker.file('honest', text)],
      refused: [reason],
      // A number that is none breaks the tree off; what comes behind it cannot be read.
      left: reason === 'damaged_tree' ? [] : ['honest'],
    }),
  ),
  {
    what: 'a file of a million times the same chunk, and a size to match',
    make: (maker) => {
      const id = maker.blob('data', noise(100_000, 'chunk'));
      const content = Array.from({ length: 100_000 }, () => id);
      return [node('huge', 'file', 0o644, { size: 100_000 * 100_000, content })];
    },
    options: { limits: { bytes: 1_000_000_000 } },
    code: 'target_unwritable',
  },
  {
    what: 'a chunk of 200 MB zeros in 20 KB',
    make: (maker) => [maker.file('bomb', Buffer.alloc(200_000_000)), maker.file('honest', text)],
    refused: ['damaged_entry'],
    left: ['honest'],
  },
  {
    what: 'a tree of 200 MB zeros in 20 KB',
    make: (maker) => [node('bomb', 'dir', 2 ** 31 + 0o755, { subtree: maker.blob('tree', Buffer.alloc(200_000_000)) })],
    refused: ['damaged_tree'],
    left: ['bomb'],
  },
  {
    what: 'an index that says a chunk is longer than it is',
    make: (maker) => {
      const nodes = [maker.file('file', noise(1_000, 'lie'), { size: 2_000 })];
      return maker.snapshot(nodes, (blobs) =>
        blobs.map((blob) => (blob.type === 'data' ? { ...blob, lengthBytes: 2_032, uncompressedBytes: 0 } : blob)),
      );
    },
    failed: ['file'],
    left: [],
  },
  {
    what: 'an index that says a chunk decompresses to more',
    make: (maker) => {
      const nodes = [maker.file('file', Buffer.alloc(5_000, 'text '), { size: 6_000 })];
      return maker.snapshot(nodes, (blobs) =>
        blobs.map((blob) => (blob.type === 'data' ? { ...blob, uncompressedBytes: 6_000 } : blob)),
      );
    },
    failed: ['file'],
    left: [],
  },
  {
    what: 'an index that leads beyond the pack',
    make: (maker) => {
      const nodes = [maker.file('beyond', noise(1_000, 'beyond')), maker.file('honest', text)];
      return maker.snapshot(nodes, (blobs) =>
        blobs.map((blob, index) => (blob.type === 'data' && index === 0 ? { ...blob, offset: 3_000_000_000 } : blob)),
      );
    },
    failed: ['beyond'],
    left: ['honest'],
  },
  {
    what: 'an index that exchanges two chunks',
    make: (maker) => {
      const nodes = [maker.file('a', noise(1_000, 'a')), maker.file('b', noise(1_000, 'b'))];
      return maker.snapshot(nodes, (blobs) =>
        blobs[0]!.type === 'data'
          ? blobs.map((blob, index) => ({ ...blobs[1 - index]!, id: blob.id }))
          : blobs,
      );
    },
    failed: ['a', 'b'],
    left: [],
  },
  {
    what: 'a directory without a tree, one of no tree, one of a tree that is a file',
    make: (maker) => [
      node('absent', 'dir', 2 ** 31 + 0o755, { subtree: ABSENT_ID }),
      maker.dir('null', [], { subtree: null }),
      node('text', 'dir', 2 ** 31 + 0o755, { subtree: maker.blob('tree', text) }),
      maker.file('zhonest', text),
    ],
    refused: ['missing_tree', 'damaged_entry', 'damaged_tree'],
    left: ['absent', 'text', 'zhonest'],
  },
  {
    what: 'a tree that breaks off',
    make: (maker) => {
      const whole = Buffer.from(JSON.stringify({ nodes: [maker.file('a', text), maker.file('b', text)] }));
      return [node('torn', 'dir', 2 ** 31 + 0o755, { subtree: maker.blob('tree', whole.subarray(0, -9)) })];
    },
    refused: ['damaged_tree'],
    left: ['torn'],
  },
  {
    what: 'directories nested 10,000 deep',
    make: (maker) => {
      let tree = maker.tree([maker.file('bottom', text)]);
      for (let depth = 0; depth < 10_000; depth += 1) tree = maker.tree([node('d', 'dir', 2 ** 31 + 0o755, { subtree: tree })]);
      return maker.snapshot(tree);
    },
    refused: ['path_too_long'],
    left: ['d'],
  },
  {
    what: 'long names nested until no path is long enough',
    make: (maker) => {
      let tree = maker.tree([maker.file('bottom', text)]);
      for (let depth = 0; depth < 40; depth += 1) {
        tree = maker.tree([node('d'.repeat(255), 'dir', 2 ** 31 + 0o755, { subtree: tree })]);
      }
      return maker.snapshot(tree);
    },
    refused: ['path_too_long'],
  },
  {
    what: 'a tree of trees that unfolds to more than the world has atoms',
    make: (maker) => {
      let tree = maker.tree([maker.file('bottom', text)]);
      for (let depth = 0; depth < 64; depth += 1) {
        tree = maker.tree(['a', 'b', 'c'].map((name) => node(name, 'dir', 2 ** 31 + 0o755, { subtree: tree })));
      }
      return maker.snapshot(tree);
    },
    options: { limits: { entries: 20_000 } },
    code: 'unsafe_repository',
  },
  {
    what: 'a directory of more entries than are believed',
    make: (maker) => Array.from({ length: 20_001 }, (_, index) => maker.symlink(`l${index}`, 'x')),
    options: { limits: { entries: 20_000 } },
    code: 'unsafe_repository',
  },
  {
    what: 'more refusals than are believed',
    make: (maker) => Array.from({ length: 20_001 }, () => maker.symlink('..', 'x')),
    options: { limits: { entries: 20_000 } },
    code: 'unsafe_repository',
  },
  ...['trusted.x', 'security.selinux', 'security.capability', 'security.ima', 'system.sockprotoname', 'com.apple.x', 'user', ''].map(
    (name): HostileSnapshot => ({
      what: `an attribute called ${JSON.stringify(name)}`,
      make: (maker) => [
        maker.file('file', text, { extended_attributes: [{ name, value: 'AQAAAgAAAAAAAAAAAAAAAAAAAAA=' }] }),
      ],
      left: ['file'],
    }),
  ),
  {
    what: 'attributes that are too large or have no value',
    make: (maker) => [
      maker.file('a', text, { extended_attributes: [{ name: 'user.a', value: Buffer.alloc(70_000).toString('base64') }] }),
      maker.file('b', text, { extended_attributes: [{ name: 'user.b', value: null }] }),
      maker.file('c', text, { extended_attributes: [{ name: `user.${'c'.repeat(300)}`, value: '' }] }),
    ],
    left: ['a', 'b', 'c'],
  },
  ...[0o4755, 0o2755, 0o6777, 0o1777].map(
    (mode): HostileSnapshot => ({
      what: `a program of mode ${mode.toString(8)}`,
      make: (maker) => [
        maker.file('program', text, {
          mode: (mode & 0o777) | ((mode & 0o4000) << 12) | ((mode & 0o2000) << 12) | ((mode & 0o1000) << 11),
          uid: 0,
          gid: 0,
        }),
      ],
      left: ['program'],
    }),
  ),
  {
    what: 'a hard link to an inode of the outside',
    make: (maker) => [
      maker.file('a', text, { links: 2, inode: 1, device_id: 1 }),
      maker.file('b', Buffer.from('another content'), { links: 2, inode: 1, device_id: 1 }),
      maker.symlink('c', '/etc/passwd', { links: 2, inode: 1, device_id: 1 }),
    ],
    left: ['a', 'b', 'c'],
  },
  {
    what: 'times of no year',
    make: (maker) =>
      ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z', 'NaN', '', '2020-13-45T99:99:99Z'].map((mtime, index) =>
        maker.file(`t${index}`, text, { mtime }),
      ),
  },
  ...['', '\u0000', 'a\u0000b', 'x'.repeat(5_000)].map(
    (target): HostileSnapshot => ({
      what: `a link to ${JSON.stringify(target.slice(0, 10))}, ${target.length} characters`,
      make: (maker) => [maker.symlink('bad', target), maker.symlink('good', 'x')],
      refused: ['damaged_entry'],
      left: ['good'],
    }),
  ),
]; // prettier-ignore
