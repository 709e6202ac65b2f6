import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ArchiveMaker, engineThreads, PASSWORD, TemporaryFolder } from '../support/archive-maker.js';
import { localRepository, type LocalRepository } from '../support/local-repository.js';
import { describeTree, makeRandomTree } from '../support/random-tree.js';
import { restic, tryRestic } from '../support/restic.js';

const SEEDS = Array.from({ length: Number(process.env['TREES'] ?? 12) }, (_, seed) => seed + 1);
const workers = engineThreads(2);

describe('archives that stock restic reads', () => {
  let place: LocalRepository;
  let folder: TemporaryFolder;

  beforeEach(async () => {
    place = await localRepository();
    folder = new TemporaryFolder();
  });
  afterEach(async () => {
    await place.remove();
    folder.remove();
  });
  afterAll(() => workers.close());

  const run = (...args: string[]) => restic(place.path, PASSWORD, ...args);

  it.each(SEEDS)('checks and restores random tree %i as it was', async (seed) => {
    const source = join(folder.path, 'source');
    makeRandomTree(source, seed);
    const maker = await ArchiveMaker.create(place.files, { workers });
    const result = await maker.archive(source);
    expect(result).toMatchObject({ status: 'complete', problems: [] });
    const target = join(folder.path, 'target');
    await run('check', '--read-data');
    await run('restore', result.snapshot!, '--target', target);
    // The target's own directory is restic's.
    expect(withoutRoot(describeTree(target))).toEqual(
      withoutRoot(describeTree(source)).map(asResticRestores),
    );
  });

  it.each(SEEDS)('leaves restic nothing to add for random tree %i with its own chunker', async (seed) => {
    const source = join(folder.path, 'source');
    // Since 0.17 restic stores link targets that are not UTF-8 twice, which 0.14 does not.
    makeRandomTree(source, seed, { oddNames: false });
    const maker = await ArchiveMaker.create(place.files, { workers, chunker: 'rabin' });
    const contents = await maker.archive(source);
    const inside = { cwd: source };
    expect(await added(['backup', '--force', '--json', '.'], inside)).toEqual({
      bytes: 0,
      tree: contents.tree,
    });
  });

  it('stores the way to the workspace as restic does', async () => {
    const source = join(folder.path, 'source');
    makeRandomTree(source, 'way', { entries: 10, oddNames: false });
    const maker = await ArchiveMaker.create(place.files, { workers, chunker: 'rabin' });
    const above = dirname(folder.path);
    for (let attempt = 1; ; attempt += 1) {
      const before = statSync(above, { bigint: true }).ctimeNs;
      const result = await maker.archive(source, { layout: 'absolute' });
      const theirs = await added(['backup', '--force', '--json', source]);
      // Others may have made files beside the test's folder meanwhile.
      if (statSync(above, { bigint: true }).ctimeNs !== before && attempt < 20) continue;
      expect(theirs).toEqual({ bytes: 0, tree: result.tree });
      return;
    }
  });

  it('goes on where restic has begun, and reads only what changed', async () => {
    const source = join(folder.path, 'source');
    makeRandomTree(source, 'both', { oddNames: false });
    const maker = await ArchiveMaker.create(place.files, { workers, chunker: 'rabin' });
    await run('backup', source);
    const [id] = (await run('list', 'snapshots')).trim().split('\n');
    await maker.repository.refreshIndex(maker.index);
    const result = await maker.archive(source, { layout: 'absolute', parent: await maker.snapshot(id!) });
    expect(result).toMatchObject({ status: 'unchanged', snapshot: undefined });
  });

  async function added(args: string[], options: { cwd?: string } = {}) {
    const { stdout } = await tryRestic(place.path, PASSWORD, args, options);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const summary = lines.find((line) => line['message_type'] === 'summary')!;
    const snapshot = JSON.parse(await run('cat', 'snapshot', summary['snapshot_id'] as string)) as {
      tree: string;
    };
    return { bytes: summary['data_added'], tree: snapshot.tree };
  }
});

function withoutRoot(lines: string[]): string[] {
  return lines.slice(1);
}

/** Before 0.17 restic knew link targets as text only: each byte that is not UTF-8 becomes U+FFFD. */
function asResticRestores(line: string): string {
  return line.replace('-> "\xfe/\xff"', `-> "${Buffer.from('\ufffd/\ufffd').toString('latin1')}"`);
}
