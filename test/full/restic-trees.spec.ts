import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeSnapshot, encodeSnapshot } from '../../src/snapshot-engine/snapshot/snapshot.js';
import { decodeTree, encodeTree } from '../../src/snapshot-engine/snapshot/tree.js';
import { makeRandomTree } from '../support/random-tree.js';
import { ResticBlobs } from '../support/restic-blobs.js';
import { restic, tryRestic } from '../support/restic.js';

const PASSWORD = 'witness';
const SEEDS = 12;
/** What encodes to so many bytes fits into a name (255) with room for a number. */
const NAME_BYTES = 240;

let folder: string;
let repository: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stowage-trees-'));
  repository = join(folder, 'repository');
});
afterAll(() => {
  execFileSync('chmod', ['-R', 'u+rwX', folder]);
  rmSync(folder, { recursive: true, force: true });
});

/** Times in the machine's zone would be part of what restic writes. */
async function backup(path: string, ...options: readonly string[]): Promise<void> {
  const { stderr, exitCode } = await tryRestic(repository, PASSWORD, ['backup', path, ...options], {
    env: { TZ: 'UTC' },
  });
  if (exitCode !== 0) throw new Error(stderr);
}

describe('what stock restic wrote', () => {
  beforeAll(async () => {
    await restic(repository, PASSWORD, 'init');
    for (let seed = 0; seed < SEEDS; seed++) {
      const tree = join(folder, `tree-${seed}`);
      makeRandomTree(tree, seed, { maxFileBytes: 2_000, entries: 60 });
      await backup(tree, '--with-atime', '--tag', `<&>"\u2028`, '--tag', 'ünï', '--exclude', '*.<x>');
    }
    writeEveryCharacter(join(folder, 'characters'));
    await backup(join(folder, 'characters'));
    await backup(join(folder, 'characters'));
  });

  it('is written again byte for byte: every tree', async () => {
    const trees = await (await ResticBlobs.open(repository, PASSWORD)).blobs('tree');
    expect(trees.size).toBeGreaterThan(5 * SEEDS);
    const different: string[] = [];
    for (const [id, tree] of trees) {
      if (encodeTree(decodeTree(tree, id)).toString() !== spelledOut(tree)) different.push(tree.toString());
    }
    expect(different).toEqual([]);
  });

  it('is written again byte for byte: every snapshot', async () => {
    const snapshots = await (await ResticBlobs.open(repository, PASSWORD)).snapshots();
    expect(snapshots.size).toBe(SEEDS + 2);
    for (const [id, snapshot] of snapshots) {
      expect(encodeSnapshot(decodeSnapshot(snapshot, id)).toString()).toBe(snapshot.toString());
    }
    const decoded = [...snapshots].map(([id, snapshot]) => decodeSnapshot(snapshot, id));
    expect(decoded.filter(({ parent }) => parent !== undefined)).toHaveLength(1);
  });

  it('has in its trees the names and link targets that were on the disk', async () => {
    const trees = await (await ResticBlobs.open(repository, PASSWORD)).blobs('tree');
    const names = new Set<string>();
    for (const [id, tree] of trees) {
      for (const { name } of decodeTree(tree, id)) names.add(name.toString('latin1'));
    }
    const missing = everyCharacter().filter((name) => !names.has(Buffer.from(name).toString('latin1')));
    expect(missing).toEqual([]);
  });
});

/**
 * This restic has lost the bytes of link targets that are not UTF-8 and escapes what it puts in their place; a
 * character U+FFFD stands as itself. Nothing else in a tree is spelled so: a name's escapes begin with two backslashes.
 */
function spelledOut(tree: Buffer): string {
  return tree.toString().replaceAll(/(?<!\\)\\ufffd/g, '\ufffd');
}

/** Files named by all characters that a name may hold, and links to them. */
function writeEveryCharacter(path: string): void {
  mkdirSync(path);
  for (const [number, name] of everyCharacter().entries()) {
    writeFileSync(join(path, name), '');
    if (number < 400) symlinkSync(name.repeat(3), join(path, `${number}.link`));
  }
}

function everyCharacter(): string[] {
  const names: string[] = [];
  let name = '';
  for (let rune = 1; rune <= 0x10ffff; rune++) {
    if (rune === 0x2f || (rune >= 0xd800 && rune <= 0xdfff)) continue;
    name += String.fromCodePoint(rune);
    if (Buffer.byteLength(name) <= NAME_BYTES) continue;
    names.push(name);
    name = '';
  }
  return [...names, name];
}
