import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SnapshotBrowser } from '../../src/snapshot-engine/browser/snapshot-browser.js';
import { parseSnapshotPath, showPath } from '../../src/snapshot-engine/browser/snapshot-path.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { listSnapshots, type StoredSnapshot } from '../../src/snapshot-engine/snapshot/snapshot-list.js';
import { localRepository, type LocalRepository } from '../support/local-repository.js';
import { noise } from '../support/noise.js';
import { makeRandomTree } from '../support/random-tree.js';
import { restic } from '../support/restic.js';

const PASSWORD = 'witness';
const MIB = 1_024 * 1_024;

describe('snapshots of stock restic', () => {
  let place: LocalRepository;
  let workspace: string;
  let snapshots: readonly StoredSnapshot[];
  let browser: SnapshotBrowser;
  const inside = (...names: string[]) => parseSnapshotPath(join(workspace, ...names));

  beforeAll(async () => {
    place = await localRepository();
    workspace = join(place.path, '..', 'workspace');
    await restic(place.path, PASSWORD, 'init');
    makeRandomTree(join(workspace, 'odd'), 7, { entries: 80, maxFileBytes: MIB });
    mkdirSync(join(workspace, 'gone', 'deep'), { recursive: true });
    writeFileSync(join(workspace, 'gone', 'deep', 'file'), 'x');
    writeFileSync(join(workspace, 'changed'), noise(5 * MIB, 'before'));
    writeFileSync(join(workspace, 'turned'), 'a file');
    await restic(place.path, PASSWORD, 'backup', workspace);
    rmSync(join(workspace, 'gone'), { recursive: true });
    rmSync(join(workspace, 'turned'));
    mkdirSync(join(workspace, 'turned'));
    mkdirSync(join(workspace, 'new'));
    writeFileSync(join(workspace, 'new', 'file'), 'y');
    symlinkSync('new', join(workspace, 'link'));
    writeFileSync(join(workspace, 'changed'), Buffer.concat([noise(5 * MIB, 'before'), Buffer.from('more')]));
    await restic(place.path, PASSWORD, 'backup', workspace);
    const repository = await Repository.open(place.files, { password: PASSWORD, now: Date.now });
    snapshots = (await listSnapshots(repository, { strict: true })).snapshots;
    browser = new SnapshotBrowser({ repository, index: await repository.loadIndex() });
  });
  afterAll(async () => {
    execFileSync('chmod', ['-R', 'u+rwX', workspace]);
    await place.remove();
  });

  it('are listed with their parents', () => {
    expect(snapshots).toHaveLength(2);
    expect(snapshots[1]!.parent).toBe(snapshots[0]!.id);
    expect(snapshots[0]!.paths).toEqual([workspace]);
  });

  it('hold every file of the disk, byte for byte', async () => {
    const paths = pathsBelow(Buffer.from(workspace));
    expect(paths.length).toBeGreaterThan(80);
    const root = inside();
    for (const path of paths) {
      const onDisk = joined(Buffer.from(workspace), path);
      const node = await browser.findNode(snapshots[1]!, [...root, ...parseSnapshotPath(path)]);
      const status = lstatSync(onDisk, { bigint: true });
      expect([showPath([path]), node.mtimeNs, node.inode]).toEqual([
        showPath([path]),
        status.mtimeNs,
        status.ino,
      ]);
      if (!status.isFile()) continue;
      const { stream } = await browser.openFile(snapshots[1]!, [...root, ...parseSnapshotPath(path)]);
      expect((await buffer(stream)).equals(readFileSync(onDisk))).toBe(true);
    }
  });

  it('differ as restic says', async () => {
    const [before, after] = snapshots;
    const told = await restic(place.path, PASSWORD, 'diff', before!.id, after!.id);
    const marks = { added: '+', removed: '-', modified: 'M', type: 'T', metadata: 'U' };
    const ours: string[] = [];
    for await (const { kind, path, after: now } of browser.diffSnapshots(before!, after!)) {
      if (kind === 'metadata') continue;
      const directory = (now?.type ?? 'dir') === 'dir' && !showPath(path).endsWith('file') ? '/' : '';
      ours.push(`${marks[kind]} ${showPath(path)}${directory}`);
    }
    const theirs = told.split('\n').filter((line) => /^[-+MTU] /.test(line));
    expect(ours.sort()).toEqual(theirs.map((line) => line.replace(/^(.) +/, '$1 ')).sort());
    expect(ours.length).toBeGreaterThan(6);
  });

  it('have two versions of what was changed, and one of what was not', async () => {
    const { versions } = await browser.fileVersions(snapshots, inside('changed'));
    expect(versions.map(({ node }) => node.sizeBytes)).toEqual([5 * MIB + 4, 5 * MIB]);
    expect((await browser.fileVersions(snapshots, inside('odd'))).versions).toHaveLength(1);
    expect(await browser.fileVersions(snapshots, inside('new', 'file'))).toMatchObject({
      versions: [{ snapshots: [snapshots[1]] }],
      absentFrom: [snapshots[0]],
    });
  });
});

/** Raw and relative; Node's own recursion knows text only. */
function pathsBelow(folder: Buffer, relative: Buffer = Buffer.alloc(0)): Buffer[] {
  return readdirSync(folder, { withFileTypes: true, encoding: 'buffer' }).flatMap((entry) => {
    const path = relative.length === 0 ? entry.name : joined(relative, entry.name);
    return entry.isDirectory() ? [path, ...pathsBelow(joined(folder, entry.name), path)] : [path];
  });
}

function joined(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}
