import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { makeDevice } from '../../src/snapshot-engine/filesystem/entry-status.js';
import { writeAttribute } from '../../src/snapshot-engine/filesystem/extended-attributes.js';
import { setTimes } from '../../src/snapshot-engine/filesystem/file-times.js';
import { createSpecialFile } from '../../src/snapshot-engine/filesystem/special-files.js';
import { MARKER_NAME } from '../../src/snapshot-engine/restorer/temporary-names.js';
import type { RestoreResult } from '../../src/snapshot-engine/restorer/restore-snapshot.js';
import { ArchiveMaker, TemporaryFolder } from '../support/archive-maker.js';
import { describeTree } from '../support/described-tree.js';
import { EngineProcess } from '../support/engine-process.js';
import { localRepository, type LocalRepository } from '../support/local-repository.js';
import { noise } from '../support/noise.js';
import type { RestoringMessage, RestoringSettings } from '../support/restoring-process.js';

/* Root has archived; somebody who may do next to nothing restores. */

const NOBODY = 65_534;
const SOMEBODY = 1_234;
/** `cap_net_raw+ep`, as the kernel keeps it (linux/capability.h, revision 2). */
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const DEVICES = ['dev/block', 'dev/null'];
const MTIME_NS = 1_600_000_000_123_456_789n;

describe('a restore by an unprivileged user', () => {
  const folder = new TemporaryFolder();
  let place: LocalRepository;
  let source: string;
  let snapshot: RestoringSettings['snapshot'];
  let home: string;
  let target: string;

  beforeAll(async () => {
    if (process.getuid?.() !== 0) throw new Error('This test makes devices and owners: run it as root.');
    chmodSync(folder.path, 0o755);
    source = join(folder.path, 'source');
    makeSource(source);
    place = await localRepository();
    const maker = await ArchiveMaker.create(place.files);
    const { status, snapshot: id, tree } = await maker.archive(source, { layout: 'absolute' });
    expect(status).toBe('complete');
    snapshot = { id: id!, tree };
    giveAway(place.root);
  });
  afterAll(async () => {
    folder.remove();
    await place.remove();
  });
  beforeEach(() => {
    home = join(folder.path, 'home');
    mkdirSync(home);
    chownSync(home, NOBODY, NOBODY);
    target = join(home, 'target');
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const restore = async (
    options: RestoringSettings['options'],
    paths?: readonly string[],
  ): Promise<RestoreResult> => {
    const what = { repository: place.root, snapshot, target, from: source, options };
    const settings: RestoringSettings = { ...what, ...(paths && { paths }) };
    const restoring = new EngineProcess<RestoringMessage>('restoring-process.ts', settings, {
      uid: NOBODY,
      gid: NOBODY,
    });
    const message = await restoring.hear(
      (each): each is Extract<RestoringMessage, { event: 'ends' | 'fails' }> =>
        each.event === 'ends' || each.event === 'fails',
    );
    await restoring.succeeds();
    if (message.event === 'fails') throw new Error(`${message.name}: ${message.message}`);
    return message.result;
  };
  /** As the snapshot says, but for what only root can do. */
  const expected = (alter: (line: string) => string = (line) => line): string[] =>
    describeTree(source)
      .filter((line) => !DEVICES.some((path) => line.startsWith(`"${path}" `)))
      .map((line) => alter(line.replace(/ \d+:\d+ /, ` ${NOBODY}:${NOBODY} `)))
      .map((line) => line.replace(/ "(?:trusted|security)\.[^"]*"=[0-9a-f]*/g, ''));

  const EVERYTHING = { specialFiles: true, privileges: true, attributes: ['trusted.'] } as const;

  it('brings all that its user may have, and names what it may not', async () => {
    const result = await restore(EVERYTHING);
    expect(result.failed.map(({ path }) => path).sort()).toEqual(DEVICES);
    for (const { message } of result.failed) expect(message).toContain('EPERM');
    expect(result.refused).toEqual([]);
    expect(describeTree(target)).toEqual(expected());
  });

  it('strips privileges and refuses special files unless they are asked for', async () => {
    const result = await restore({});
    expect(result.failed).toEqual([]);
    expect(result.refused.map(({ path, reason }) => `${path} ${reason}`).sort()).toEqual(
      [...DEVICES, 'dev/fifo'].sort().map((path) => `${path} special_file`),
    );
    const withoutPrivileges = (line: string) =>
      line.replace(/ [0-7](?=[0-7]{3} )/, (digit) => ` ${Number(digit) & 1}`);
    expect(describeTree(target)).toEqual(
      expected(withoutPrivileges).filter((line) => !line.startsWith('"dev/fifo" ')),
    );
  });

  it('keeps everything the second time', async () => {
    await restore(EVERYTHING);
    const before = inodesOf(target);
    const again = await restore({ ...EVERYTHING, into: 'in-place' });
    expect(again.failed.map(({ path }) => path).sort()).toEqual(DEVICES);
    expect(again.summary).toMatchObject({ create: DEVICES.length, overwrite: 0, delete: 0, bytesToFetch: 0 });
    expect(again.bytesFetched).toBe(0);
    expect(describeTree(target)).toEqual(expected());
    expect(inodesOf(target)).toEqual(before);
  });

  it('brings once more what it cannot read, when contents are to be compared', async () => {
    await restore(EVERYTHING);
    const before = inodesOf(target);
    const again = await restore({ ...EVERYTHING, into: 'in-place', verify: 'content' });
    expect(again.failed.map(({ path }) => path).sort()).toEqual(DEVICES);
    const unreadable = ['closed/deep/inner', 'unreadable'];
    expect(again.summary).toMatchObject({ create: DEVICES.length, overwrite: unreadable.length, delete: 0 });
    expect(describeTree(target)).toEqual(expected());
    const after = inodesOf(target);
    expect(Object.keys(before).filter((path) => before[path] !== after[path])).toEqual(unreadable);
  });

  it('opens closed directories on the way for as long as it works in them', async () => {
    await restore(EVERYTHING);
    for (const path of ['', 'read-only', 'closed', 'closed/deep']) chmodSync(join(target, path), 0o500);
    rmSync(join(target, 'closed/deep/inner'));
    const paths = ['closed/deep/inner', 'read-only/inner/file'];
    const result = await restore({ ...EVERYTHING, into: 'in-place' }, paths);
    expect(result).toMatchObject({ failed: [], filesRestored: 1 });
    for (const path of ['', 'read-only', 'closed', 'closed/deep'])
      expect([path, lstatSync(join(target, path)).mode & 0o7777]).toEqual([path, 0o500]);
    expect(readFileSync(join(target, 'closed/deep/inner'), 'utf8')).toBe('deep inside');
  });

  it('goes on where an earlier one has ended just before its end', async () => {
    await restore(EVERYTHING);
    const before = inodesOf(target);
    // All directories are closed already, the target is not: it is dressed when the marker has gone.
    chmodSync(target, 0o700);
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    writeFileSync(join(target, MARKER_NAME), JSON.stringify({ snapshot: snapshot.id, boot }));
    giveAway(join(target, MARKER_NAME));
    const resumed = await restore(EVERYTHING);
    expect(resumed.failed.map(({ path }) => path).sort()).toEqual(DEVICES);
    expect(resumed).toMatchObject({ bytesFetched: 0, filesRestored: 0 });
    expect(describeTree(target)).toEqual(expected());
    expect(inodesOf(target)).toEqual(before);
  });

  it('names what lies in directories of others, and touches none of it', async () => {
    mkdirSync(join(target, 'closed'), { recursive: true });
    writeFileSync(join(target, 'closed/inner'), 'root’s own');
    chmodSync(join(target, 'closed'), 0o700);
    chownSync(target, NOBODY, NOBODY);
    const result = await restore({ ...EVERYTHING, into: 'in-place' });
    const failed = result.failed.map(({ path }) => path).sort();
    expect(failed).toEqual(['closed', 'closed/deep', 'closed/deep/inner', 'closed/inner', ...DEVICES]);
    expect(readFileSync(join(target, 'closed/inner'), 'utf8')).toBe('root’s own');
    expect(lstatSync(join(target, 'closed')).uid).toBe(0);
    expect(readFileSync(join(target, 'large')).equals(readFileSync(join(source, 'large')))).toBe(true);
  });
});

function giveAway(path: string): void {
  chownSync(path, NOBODY, NOBODY);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveAway(join(path, name));
}

function inodesOf(path: string): Record<string, number> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(names.map((name) => [name, lstatSync(join(path, name)).ino]));
}

/** What only root can make, and what even its owner cannot read; a directory that is read-only as a whole. */
function makeSource(source: string): void {
  const at = (path: string) => join(source, path);
  for (const path of ['closed/deep', 'shared', 'sticky', 'read-only/inner', 'dev']) {
    mkdirSync(at(path), { recursive: true });
  }
  const files: Record<string, [content: Buffer, mode: number]> = {
    'closed/inner': [Buffer.from('inside a closed directory'), 0o644],
    'closed/deep/inner': [Buffer.from('deep inside'), 0o000],
    'read-only/inner/file': [Buffer.from('read only'), 0o444],
    'shared/file': [Buffer.from('shared'), 0o664],
    large: [noise(9_000_000, 'unprivileged'), 0o400],
    unreadable: [Buffer.from('closed to all'), 0o000],
    empty: [Buffer.alloc(0), 0o200],
    setuid: [Buffer.from('#!/bin/sh\n'), 0o4755],
    setgid: [Buffer.from('#!/bin/sh\n'), 0o2755],
    capable: [Buffer.from('raw sockets'), 0o755],
    foreign: [Buffer.from('of somebody else'), 0o640],
  };
  for (const [path, [content, mode]] of Object.entries(files)) {
    writeFileSync(at(path), content);
    if (path === 'foreign') chownSync(at(path), SOMEBODY, SOMEBODY);
    chmodSync(at(path), mode);
  }
  // Before, between and behind the names that only root can write.
  for (const name of ['security.capability', 'trusted.first', 'user.name']) {
    writeAttribute(
      Buffer.from(at('capable')),
      name,
      name === 'security.capability' ? CAPABILITY : Buffer.from(name),
    );
  }
  linkSync(at('foreign'), at('shared/foreign-again'));
  symlinkSync('/etc/shadow', at('link'));
  lchownSync(at('link'), SOMEBODY, SOMEBODY);
  const [block, character] = [makeDevice(7, 0), makeDevice(1, 3)];
  createSpecialFile(Buffer.from(at('dev/block')), { kind: 'blockDevice', permissions: 0o660, device: block });
  createSpecialFile(Buffer.from(at('dev/null')), {
    kind: 'characterDevice',
    permissions: 0o666,
    device: character,
  });
  createSpecialFile(Buffer.from(at('dev/fifo')), { kind: 'fifo', permissions: 0o622 });
  const modes = {
    'closed/deep': 0o000,
    closed: 0o000,
    shared: 0o2775,
    sticky: 0o1777,
    'read-only/inner': 0o555,
    'read-only': 0o555,
    '.': 0o555,
  };
  for (const [path, mode] of Object.entries(modes)) chmodSync(at(path), mode);
  for (const path of [...readdirSync(source, { recursive: true, encoding: 'utf8' }).reverse(), '.'])
    setTimes(Buffer.from(at(path)), MTIME_NS, MTIME_NS);
}
