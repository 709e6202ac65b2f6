import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  linkEntry,
  makeDirectory,
  makeSymlink,
  readSymlink,
  removeDirectory,
  removeEntry,
  renameEntry,
  setOwner,
  setPermissions,
} from './directory-changes.js';
import { readDirectory } from './directory-entries.js';
import { entryStatus, entryStatusIfAny, FILE_TYPE, makeDevice, openStatus } from './entry-status.js';
import {
  listAttributes,
  readAttribute,
  readAttributes,
  removeAttribute,
  writeAttribute,
} from './extended-attributes.js';
import { setOpenTimes, setTimes } from './file-times.js';
import { OPEN } from './libc.js';
import {
  closeFd,
  openBeneath,
  openBeneathStepwise,
  openDirectory,
  openDirectoryBeneath,
  openEntry,
} from './open-beneath.js';
import { readOwnerNames } from './owner-names.js';
import { dataRanges, preallocate, punchHole, setSize, zeroRuns } from './sparse.js';
import { createSpecialFile } from './special-files.js';

const isRoot = process.getuid?.() === 0;
const codeOf = (action: () => unknown): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

describe('the file system', () => {
  let folder: string;
  let root: number;
  const path = (...names: string[]) => Buffer.from(join(folder, ...names));
  const name = (text: string) => Buffer.from(text);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'filesystem-'));
    root = openDirectory(Buffer.from(folder));
  });
  afterEach(() => {
    closeFd(root);
    rmSync(folder, { recursive: true, force: true });
  });

  describe('status', () => {
    it('says what lstat says, to the nanosecond', () => {
      writeFileSync(join(folder, 'file'), 'x'.repeat(5_000));
      symlinkSync('nowhere', join(folder, 'link'));
      for (const entry of ['file', 'link', '.']) {
        const ours = entryStatus(path(entry));
        const nodes = lstatSync(join(folder, entry), { bigint: true });
        expect(ours).toEqual({
          mode: Number(nodes.mode),
          sizeBytes: Number(nodes.size),
          allocatedBytes: Number(nodes.blocks) * 512,
          links: Number(nodes.nlink),
          uid: Number(nodes.uid),
          gid: Number(nodes.gid),
          inode: nodes.ino,
          deviceId: nodes.dev,
          device: nodes.rdev,
          mtimeNs: nodes.mtimeNs,
          atimeNs: nodes.atimeNs,
          ctimeNs: nodes.ctimeNs,
        });
      }
      expect(entryStatus(name('file'), root)).toEqual(entryStatus(path('file')));
      expect(openStatus(root).inode).toBe(lstatSync(folder, { bigint: true }).ino);
    });

    it('takes names that are not UTF-8, and none with a NUL', () => {
      const odd = Buffer.from([0x66, 0xff, 0xfe, 0x0a]);
      writeFileSync(Buffer.concat([path('/'), odd]), 'odd');
      expect(entryStatus(odd, root).sizeBytes).toBe(3);
      expect(readDirectory(root)).toEqual([{ name: odd, type: 'file' }]);
      expect(codeOf(() => entryStatus(Buffer.from('a\0b'), root))).toBe('EINVAL');
    });

    it('tells what is missing', () => {
      expect(codeOf(() => entryStatus(path('nothing')))).toBe('ENOENT');
      expect(entryStatusIfAny(path('nothing'))).toBeUndefined();
    });

    it('packs device numbers as the C library does', () => {
      expect(makeDevice(8, 1)).toBe(0x801n);
      expect(makeDevice(0xfffff, 0xfffff)).toBe(0xff000_ffff_ffffn);
      expect(entryStatus(name('/dev/null')).device).toBe(makeDevice(1, 3));
    });
  });

  describe('directories', () => {
    it('lists more entries than one answer of the kernel holds, with their types', () => {
      for (let index = 0; index < 2_500; index += 1)
        writeFileSync(join(folder, `file-with-a-longer-name-${index}`), '');
      mkdirSync(join(folder, 'dir'));
      symlinkSync('x', join(folder, 'link'));
      createSpecialFile(name('fifo'), { kind: 'fifo', permissions: 0o600 }, root);
      const entries = readDirectory(root);
      expect(entries).toHaveLength(2_503);
      const types = new Map(entries.map((entry) => [entry.name.toString(), entry.type]));
      expect([
        types.get('dir'),
        types.get('link'),
        types.get('fifo'),
        types.get('file-with-a-longer-name-7'),
      ]).toEqual(['directory', 'symlink', 'fifo', 'file']);
    });

    it('makes, renames, links and removes by name', () => {
      makeDirectory(root, name('dir'), 0o700);
      writeFileSync(join(folder, 'dir', 'a'), 'a');
      const inner = openDirectoryBeneath(root, name('dir'));
      linkEntry(inner, name('a'), root, name('second'));
      renameEntry(inner, name('a'), name('moved'), root);
      makeSymlink(root, name('link'), Buffer.from([0x2f, 0xff]));
      expect(readSymlink(root, name('link'))).toEqual(Buffer.from([0x2f, 0xff]));
      expect(entryStatus(name('second'), root).links).toBe(2);
      setPermissions(root, name('second'), 0o1751);
      expect(entryStatus(name('second'), root).mode).toBe(FILE_TYPE.file | 0o1751);
      if (isRoot) {
        setOwner(root, name('link'), 1_234, 2_345);
        expect(entryStatus(name('link'), root)).toMatchObject({ uid: 1_234, gid: 2_345 });
      }
      for (const entry of ['moved', 'second', 'link']) removeEntry(root, name(entry));
      closeFd(inner);
      removeDirectory(root, name('dir'));
      expect(readDirectory(openDirectoryBeneath(root, name('')))).toEqual([]);
    });

    it.each(['..', '.', '', 'a/b', '/etc', 'a\0', 'x'.repeat(256)])('refuses %j as a name', (bad) => {
      const directory = root;
      const attempts = [
        () => makeDirectory(directory, name(bad), 0o700),
        () => removeEntry(directory, name(bad)),
        () => removeDirectory(directory, name(bad)),
        () => renameEntry(directory, name(bad), name('x')),
        () => renameEntry(directory, name('x'), name(bad)),
        () => linkEntry(directory, name('x'), directory, name(bad)),
        () => makeSymlink(directory, name(bad), name('x')),
        () => setPermissions(directory, name(bad), 0o777),
        () => setOwner(directory, name(bad), 0, 0),
        () => openEntry(directory, name(bad), OPEN.readOnly),
      ];
      expect(attempts.map(codeOf)).toEqual(attempts.map(() => 'EINVAL'));
    });
  });

  describe.each([
    ['openat2', openBeneath],
    ['name by name', openBeneathStepwise],
  ])('opening beneath a root (%s)', (_how, open) => {
    const flags = OPEN.readOnly;

    beforeEach(() => {
      mkdirSync(join(folder, 'a', 'b'), { recursive: true });
      writeFileSync(join(folder, 'a', 'b', 'file'), 'inside');
    });

    it('reads and creates what lies beneath', () => {
      const fd = open(root, name('a/b/file'), flags);
      expect(readFileSync(fd, 'utf8')).toBe('inside');
      closeFd(fd);
      const created = open(root, name('a/new'), OPEN.writeOnly | OPEN.create | OPEN.exclusive, 0o640);
      writeSync(created, 'made');
      closeFd(created);
      expect(readFileSync(join(folder, 'a', 'new'), 'utf8')).toBe('made');
    });

    it('follows no link, on the way or at the end, and leaves no descriptor open', () => {
      symlinkSync('/etc', join(folder, 'out'));
      symlinkSync('b', join(folder, 'a', 'harmless'));
      symlinkSync('b/file', join(folder, 'a', 'file-link'));
      const before = descriptorsOf(folder);
      for (const way of ['out/passwd', 'a/harmless/file', 'a/file-link', 'out']) {
        expect(['ELOOP', 'ENOTDIR']).toContain(codeOf(() => open(root, name(way), flags)));
      }
      expect(descriptorsOf(folder)).toBe(before);
    });

    it.each(['../x', 'a/../../x', '/etc/passwd', '..'])('has no way out by %j', (way) => {
      expect(['EXDEV', 'EINVAL', 'ENOENT']).toContain(codeOf(() => open(root, name(way), flags)));
    });

    it('stays in the directory that it opened when another takes its name', () => {
      const directory = open(root, name('a'), OPEN.readOnly | OPEN.directory);
      renameSync(join(folder, 'a'), join(folder, 'moved'));
      symlinkSync('/tmp', join(folder, 'a'));
      const fd = openEntry(directory, name('late'), OPEN.writeOnly | OPEN.create | OPEN.exclusive, 0o600);
      closeFd(fd);
      closeFd(directory);
      expect(existsSync(join(folder, 'moved', 'late'))).toBe(true);
    });
  });

  describe('times', () => {
    it.each([
      0n,
      1n,
      -1n,
      -1_000_000_001n,
      1_700_000_000_123_456_789n,
      -3_000_000_000_999_999_999n / 3n,
      4_102_444_800_000_000_001n,
    ])('sets %s ns, of files, links and directories', (at) => {
      writeFileSync(join(folder, 'file'), '');
      symlinkSync('file', join(folder, 'link'));
      const before = entryStatus(name('file'), root).mtimeNs;
      setTimes(name('link'), at + 5n, at, root);
      expect(entryStatus(name('link'), root)).toMatchObject({ mtimeNs: at, atimeNs: at + 5n });
      expect(entryStatus(name('file'), root).mtimeNs).toBe(before);
      const fd = openEntry(root, name('file'), OPEN.readOnly);
      setOpenTimes(fd, at, at + 7n);
      closeFd(fd);
      expect(entryStatus(name('file'), root)).toMatchObject({ mtimeNs: at + 7n, atimeNs: at });
    });
  });

  describe('extended attributes', () => {
    it('writes, lists, reads and removes, by path and by descriptor', () => {
      writeFileSync(join(folder, 'file'), '');
      const fd = openSync(join(folder, 'file'), 'r');
      expect(listAttributes(path('file'))).toEqual([]);
      writeAttribute(path('file'), 'user.b', Buffer.from([0, 255, 10]));
      writeAttribute(fd, 'user.a', Buffer.alloc(0));
      for (const owner of [path('file'), fd]) {
        expect(readAttributes(owner)).toEqual([
          { name: 'user.a', value: Buffer.alloc(0) },
          { name: 'user.b', value: Buffer.from([0, 255, 10]) },
        ]);
        expect(readAttribute(owner, 'user.none')).toBeUndefined();
      }
      removeAttribute(fd, 'user.a');
      removeAttribute(path('file'), 'user.b');
      removeAttribute(path('file'), 'user.b');
      expect(readAttributes(fd)).toEqual([]);
      closeSync(fd);
    });

    it('has none where there can be none, and errors where there is nothing', () => {
      expect(readAttributes(name('/proc/self/status'))).toEqual([]);
      symlinkSync('nowhere', join(folder, 'link'));
      expect(readAttributes(path('link'))).toEqual([]);
      expect(codeOf(() => listAttributes(path('nothing')))).toBe('ENOENT');
      expect(codeOf(() => writeAttribute(path('link'), 'user.a', Buffer.from('x')))).toBe('EPERM');
    });
  });

  describe('special files', () => {
    it('makes FIFOs and sockets for anybody', () => {
      createSpecialFile(name('fifo'), { kind: 'fifo', permissions: 0o600 }, root);
      createSpecialFile(name('socket'), { kind: 'socket', permissions: 0o700 }, root);
      expect(entryStatus(name('fifo'), root).mode).toBe(FILE_TYPE.fifo | 0o600);
      expect(entryStatus(name('socket'), root).mode).toBe(FILE_TYPE.socket | 0o700);
      expect(codeOf(() => createSpecialFile(name('fifo'), { kind: 'fifo', permissions: 0 }, root))).toBe(
        'EEXIST',
      );
    });

    it('makes devices for root', () => {
      const device = makeDevice(1, 3);
      const attempt = () =>
        createSpecialFile(name('null'), { kind: 'characterDevice', device, permissions: 0o600 }, root);
      if (!isRoot) return expect(codeOf(attempt)).toBe('EPERM');
      attempt();
      expect(entryStatus(name('null'), root)).toMatchObject({
        device,
        mode: FILE_TYPE.characterDevice | 0o600,
      });
    });
  });

  describe('sparse files', () => {
    it('finds data between holes, punches and preallocates', () => {
      const MiB = 1_048_576;
      const fd = openSync(join(folder, 'sparse'), 'w+');
      setSize(fd, 4 * MiB);
      writeSync(fd, Buffer.alloc(MiB, 1), 0, MiB, MiB);
      expect([...dataRanges(fd, 4 * MiB)]).toEqual([{ offset: MiB, lengthBytes: MiB }]);
      expect(openStatus(fd).allocatedBytes).toBeLessThan(2 * MiB);
      preallocate(fd, 4 * MiB);
      expect(openStatus(fd).allocatedBytes).toBeGreaterThanOrEqual(4 * MiB);
      expect(punchHole(fd, { offset: 0, lengthBytes: 4 * MiB })).toBe(true);
      expect([...dataRanges(fd, 4 * MiB)]).toEqual([]);
      expect(openStatus(fd)).toMatchObject({ allocatedBytes: 0, sizeBytes: 4 * MiB });
      closeSync(fd);
    });

    it('finds runs of zeros on the file’s blocks', () => {
      const bytes = Buffer.alloc(20_000, 1);
      bytes.fill(0, 3_000, 16_000);
      expect(zeroRuns(bytes, 0)).toEqual([{ offset: 4_096, lengthBytes: 8_192 }]);
      expect(zeroRuns(bytes, 1_096)).toEqual([{ offset: 4_096, lengthBytes: 12_288 }]);
      expect(zeroRuns(bytes, 0, 8_193)).toEqual([]);
      bytes[6_000] = 1;
      expect(zeroRuns(bytes, 0)).toEqual([{ offset: 8_192, lengthBytes: 4_096 }]);
      expect(zeroRuns(Buffer.alloc(8_192), 4_096)).toEqual([{ offset: 4_096, lengthBytes: 8_192 }]);
      expect(zeroRuns(Buffer.alloc(100), 0)).toEqual([]);
    });
  });

  it('knows the owners’ names', () => {
    const passwd = join(folder, 'passwd');
    writeFileSync(
      passwd,
      'root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/home/anna:\nberta:x:1000:1::/:\n#no:x:7:\n\nbad\n',
    );
    const names = readOwnerNames(passwd, join(folder, 'no-such-file'));
    expect([names.userName(0), names.userName(1_000), names.uidOf('berta'), names.userName(7)]).toEqual([
      'root',
      'anna',
      1_000,
      undefined,
    ]);
    expect([names.groupName(0), names.gidOf('root')]).toEqual([undefined, undefined]);
    expect(readOwnerNames().userName(0)).toBe('root');
  });
});

/** How many descriptors of this process lie beneath a folder; the rest of the process has others. */
function descriptorsOf(folder: string): number {
  const own = readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false; // closed meanwhile
    }
  });
  return own.length;
}
