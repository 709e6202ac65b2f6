import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Chunker } from '../../src/snapshot-engine/chunker/chunker.js';
import { createChunker } from '../../src/snapshot-engine/chunker/create-chunker.js';
import { parsePolynomial } from '../../src/snapshot-engine/chunker/polynomial.js';
import { decodeTree } from '../../src/snapshot-engine/snapshot/tree.js';
import { noise } from '../support/noise.js';
import { ResticBlobs } from '../support/restic-blobs.js';
import { restic } from '../support/restic.js';

const PASSWORD = 'witness';
const MIB = 1_024 * 1_024;
const MIN = MIB / 2;
const REPOSITORIES = 3;

const FILES: Readonly<Record<string, () => Buffer>> = {
  'random-a': () => noise(40 * MIB, 'a'),
  'random-b': () => noise(17 * MIB + 12_345, 'b'),
  zeros: () => Buffer.alloc(20 * MIB + 7),
  ones: () => Buffer.alloc(20 * MIB + 7, 0xff),
  text: () =>
    Buffer.from(Array.from({ length: 200_000 }, (_, i) => `line ${i * i} of some log, ${i % 97}\n`).join('')),
  'same-lines': () => Buffer.alloc(18 * MIB + 3, 'all the same line\n'),
  'period-64': () => Buffer.alloc(17 * MIB, noise(64, 'period')),
  mixed: () =>
    Buffer.concat([noise(2 * MIB, 'm'), Buffer.alloc(9 * MIB), noise(3 * MIB, 'n'), Buffer.alloc(100)]),
  'min-1': () => noise(MIN - 1, 'c'),
  min: () => noise(MIN, 'c'),
  'min+1': () => noise(MIN + 1, 'c'),
  'min+63': () => noise(MIN + 63, 'c'),
  'max-1': () => Buffer.alloc(8 * MIB - 1, 'x'),
  max: () => Buffer.alloc(8 * MIB, 'x'),
  'max+1': () => Buffer.alloc(8 * MIB + 1, 'x'),
  'twice-max+min': () => Buffer.alloc(16 * MIB + MIN, 'x'),
  one: () => Buffer.from('1'),
  empty: () => Buffer.alloc(0),
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stowage-chunks-'));
  mkdirSync(join(folder, 'files'));
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, 'files', name), content());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function idsOf(chunker: Chunker, content: Buffer): string[] {
  const ids: string[] = [];
  for (let start = 0; start < content.length;) {
    const cut = chunker.nextCut(content, start, content.length);
    ids.push(hash('sha256', content.subarray(start, cut)));
    start = cut;
  }
  return ids;
}

describe('the rabin chunker', () => {
  it.each(Array.from({ length: REPOSITORIES }, (_, number) => number))(
    'cuts where stock restic cuts, repository %i with a polynomial of its own',
    async (number) => {
      const repository = join(folder, `repository-${number}`);
      await restic(repository, PASSWORD, 'init');
      await restic(repository, PASSWORD, 'backup', join(folder, 'files'));
      const witness = await ResticBlobs.open(repository, PASSWORD);
      const { chunker_polynomial: hex } = await witness.config();
      const chunker = createChunker('rabin', {
        secret: new Uint8Array(32),
        polynomial: parsePolynomial(hex)!,
      });
      const nodes = [...(await witness.blobs('tree'))].flatMap(([id, tree]) => decodeTree(tree, id));
      for (const [name, content] of Object.entries(FILES)) {
        const { content: ids } = nodes.find((node) => node.name.toString() === name)!;
        expect([name, idsOf(chunker, content())]).toEqual([name, ids]);
      }
    },
  );

  it('takes every polynomial that stock restic draws', async () => {
    for (let number = 0; number < 4; number++) {
      const repository = join(folder, `drawn-${number}`);
      await restic(repository, PASSWORD, 'init');
      const { chunker_polynomial: hex } = await (await ResticBlobs.open(repository, PASSWORD)).config();
      expect(parsePolynomial(hex)?.toString(16)).toBe(hex);
    }
  });
});
