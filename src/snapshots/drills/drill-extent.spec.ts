import { describe, expect, it } from '@jest/globals';
import { RepositoryError } from '../../snapshot-engine/index.js';
import { drillExtent, type DrillProbe, type EntryPath } from './drill-extent.js';

type Tree = { readonly [name: string]: Tree | number };

const SNAPSHOT: Tree = {
  'huge.bin': 900,
  logs: { 'a.log': 10, 'b.log': 20 },
  data: { part1: { x: 60, y: 30 }, part2: { z: 200 } },
};

describe('what of a snapshot is rehearsed', () => {
  it('is all of it when there is room', async () => {
    expect(await extent(SNAPSHOT, 2_000)).toEqual({ bytes: 1_220, totalBytes: 1_220 });
  });

  it.each([0, 0.3, 0.6, 0.99])('is a part drawn by lot that fits: %p', async (draw) => {
    const { paths, bytes, totalBytes } = await extent(SNAPSHOT, 150, draw);
    expect(totalBytes).toBe(1_220);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(150);
    expect(paths!.reduce((sum, path) => sum + sizeAt(SNAPSHOT, path), 0)).toBe(bytes);
    expect(paths!.map(String)).not.toContain('huge.bin');
  });

  it('is nothing when not even one file fits', async () => {
    expect(await extent({ only: 100 }, 50)).toEqual({ paths: [], bytes: 0, totalBytes: 100 });
  });

  it('is a part when there are more entries than a restore takes', async () => {
    const probe = probeOf(SNAPSHOT);
    const tooMany = new RepositoryError('unsafe_repository', 'It has too many entries.');
    const bytesAt = (path: EntryPath) => (path.length === 0 ? Promise.reject(tooMany) : probe.bytesAt(path));
    const found = await drillExtent({ ...probe, bytesAt }, 2_000, () => 0);
    expect(found).toMatchObject({ bytes: 1_220, totalBytes: Infinity });
    expect(found.paths).toHaveLength(3);
  });
});

function extent(tree: Tree, limitBytes: number, draw = 0) {
  return drillExtent(probeOf(tree), limitBytes, () => draw);
}

function probeOf(tree: Tree): DrillProbe {
  return {
    bytesAt: async (path) => sizeAt(tree, path),
    isDirectory: (path) => typeof at(tree, path) === 'object',
    children: async (path) => Object.keys(at(tree, path)).map((name) => [...path, Buffer.from(name)]),
  };
}

function at(tree: Tree, path: EntryPath): Tree | number {
  return path.reduce<Tree | number>((found, name) => (found as Tree)[String(name)]!, tree);
}

function sizeAt(tree: Tree, path: EntryPath): number {
  const sum = (found: Tree | number): number =>
    typeof found === 'number'
      ? found
      : Object.values(found).reduce<number>((all, each) => all + sum(each), 0);
  return sum(at(tree, path));
}
