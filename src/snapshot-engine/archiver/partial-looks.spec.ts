import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { ArchiveMaker, TemporaryFolder } from '../../../test/support/archive-maker.js';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import { DEFAULT_POLICY } from './archive-policy.js';
import { WorkspaceArchiver } from './workspace-archiver.js';

const ENTRIES = 400;
const ROUNDS = 8;
/** Names that Go's quoting, JSON or UTF-8 make something of, and neighbours of all others. */
const ODD_NAMES = ['a"b', 'a\\b', '<&>', 'tab\t', 'line\n', 'ümlaut', '\u2028', 'é-ÿ'].map((name) =>
  Buffer.from(name),
);
const RAW_NAMES = [Buffer.of(0xff, 0xfe), Buffer.of(0x41, 0x80), Buffer.of(0xc3), Buffer.of(0x7f)];
/** What stands between nodes and at their beginnings. */
const TREACHEROUS_NAMES = ['{"name":', '{"name":"f","type":"file"', '},{', ']}', ','].map((name) =>
  Buffer.from(name),
);

describe('Partial looks at large directories', () => {
  let folder: TemporaryFolder;
  let maker: ArchiveMaker;
  let archiver: WorkspaceArchiver;

  beforeEach(async () => {
    folder = new TemporaryFolder();
    maker = await ArchiveMaker.create();
    archiver = new WorkspaceArchiver({
      target: maker.target,
      workers: maker.workers,
      workspace: folder.path,
      layout: 'contents',
      policy: DEFAULT_POLICY,
      origin: { hostname: 'host', username: 'user' },
      now: () => Date.now() + 60_000,
    });
  });
  afterEach(async () => {
    await archiver.close();
    folder.remove();
  });

  const at = (directory: string, name: Buffer) =>
    Buffer.concat([Buffer.from(`${folder.path}/${directory}/`), name]);
  // By the same repository: where large files are cut depends on its key.
  const fresh = () => maker.archive(folder.path, { policy: DEFAULT_POLICY });

  it.each([1, 2])('make the tree of a fresh walk (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const directories = ['big', 'big/below', 'other'];
    const numbered = Array.from({ length: ENTRIES }, (_, i) => Buffer.from(`file-${i}`));
    const names = [...numbered, ...ODD_NAMES, ...RAW_NAMES, ...TREACHEROUS_NAMES];
    for (const directory of directories) {
      mkdirSync(`${folder.path}/${directory}`);
      for (const name of numbered) writeFileSync(at(directory, name), name);
    }
    const any = () =>
      at(random.pick(directories), random.pick(random.below(2) === 0 ? names : names.slice(-20)));
    const remove = (path: Buffer) => rmSync(path, { recursive: true, force: true });
    const changes: (() => void)[] = [
      () => writeFileSync(any(), `${random.below(1_000_000)}`),
      () => appendFileSync(any(), 'more'),
      () => truncateSync(any(), random.below(4)),
      () => renameSync(any(), any()),
      () => remove(any()),
      () => chmodSync(any(), 0o700 + random.below(64)),
      () => symlinkSync(random.pick(names), any()),
      () => lutimesSync(any(), random.below(1_000_000), random.below(1_000_000)),
      () => linkSync(any(), any()),
      () => mkdirSync(any()),
      () => writeFileSync(Buffer.concat([any(), Buffer.from('/inside')]), 'x'),
      () => replace(any(), (path) => symlinkSync('elsewhere', path)),
      () => replace(any(), (path) => mkdirSync(path)),
      () => replace(any(), (path) => writeFileSync(path, 'was something else')),
      () => writeFileSync(any(), Buffer.alloc(600_000 + random.below(9), random.below(256))),
      () =>
        writeFileSync(
          at(random.pick(directories), Buffer.from('.stowageignore')),
          `file-${random.below(9)}*\n`,
        ),
      () => writeFileSync(at('other', Buffer.from('CACHEDIR.TAG')), random.pick(CACHE_TAGS)),
      () => remove(at('other', Buffer.from('CACHEDIR.TAG'))),
      // More than are remembered by their names.
      () => numbered.forEach((name) => quietly(() => appendFileSync(at('big', name), 'all'))),
      () => chmodSync(`${folder.path}/${random.pick(directories)}`, 0o700 + random.below(64)),
    ];
    const replace = (path: Buffer, put: (path: Buffer) => void) => {
      remove(path);
      put(path);
    };
    await archiver.run();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let i = random.below(12); i >= 0; i -= 1) quietly(random.pick(changes));
      const result = await archiver.run();
      expect([undefined, 'hard_links']).toContain(result.fullWalkReason);
      const { tree, summary } = await fresh();
      expect({ round, tree: result.tree }).toEqual({ round, tree });
      // When nothing was told, nothing is counted.
      if (result.status === 'unchanged') continue;
      expect(result.summary.totalFilesProcessed).toBe(summary.totalFilesProcessed);
      expect(result.summary.totalBytesProcessed).toBe(summary.totalBytesProcessed);
    }
    const last = await archiver.run({ full: true });
    expect(last).toMatchObject({ status: 'unchanged', missedChanges: 0 });
    expect(readdirSync(`${folder.path}/big`).length).toBeGreaterThan(ENTRIES / 2);
  });
});

const CACHE_TAGS = ['Signature: 8a477f597d28d172789f06886806bc55', 'no signature'];

function quietly(change: () => void): void {
  try {
    change();
  } catch (error) {
    // E.g. a directory where a file was meant to be: nothing changes.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
}
