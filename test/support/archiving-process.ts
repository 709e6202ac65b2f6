import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_POLICY } from '../../src/snapshot-engine/archiver/archive-policy.js';
import { archiveTarget } from '../../src/snapshot-engine/archiver/repository-target.js';
import { WorkspaceArchiver } from '../../src/snapshot-engine/archiver/workspace-archiver.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { loadSnapshot } from '../../src/snapshot-engine/snapshot/snapshot-list.js';
import { engineThreads, PASSWORD } from './archive-maker.js';
import { contentsOf } from './described-tree.js';
import { localRepositoryAt } from './local-repository.js';
import { noise } from './noise.js';
import { SeededRandom } from './seeded-random.js';

export interface ArchivingSettings {
  /** Root of the local repository. */
  readonly repository: string;
  readonly workspace: string;
  /** Snapshot that the first run is compared with. */
  readonly parent?: string;
  /** Of the changes between the runs. */
  readonly seed: string;
  readonly runs: number;
}

/** `contents`: what a restore of the run's snapshot must bring, as `contentsOf` tells it. */
export type ArchivingMessage =
  | { readonly event: 'begins'; readonly contents: string }
  | { readonly event: 'ends'; readonly contents: string; readonly snapshot: string };

const MIB = 1_048_576;

/* A process to be killed: changes a workspace and archives it, again and again, and says which snapshots it has made. */
const { repository: root, workspace, parent, seed, runs } = JSON.parse(process.argv[2]!) as ArchivingSettings;
const tell = (message: ArchivingMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

const place = localRepositoryAt(root);
const repository = await Repository.open(place.files, { password: PASSWORD, now: () => Date.now() });
const workers = engineThreads(2);
const archiver = new WorkspaceArchiver({
  target: archiveTarget(repository, await repository.loadIndex()),
  workers,
  workspace,
  layout: 'contents',
  policy: { ...DEFAULT_POLICY, defaultExcludes: false },
  origin: { hostname: 'host', username: 'user' },
  now: () => Date.now(),
  ...(parent !== undefined && { parent: { id: parent, snapshot: await loadSnapshot(repository, parent) } }),
});
const random = new SeededRandom(seed);
for (let run = 0; run < runs; run += 1) {
  change(run);
  const contents = contentsOf(workspace);
  tell({ event: 'begins', contents });
  const { status, snapshot } = await archiver.run();
  if (status !== 'complete' || snapshot === undefined) throw new Error(`The run was ${status}.`);
  tell({ event: 'ends', contents, snapshot });
}
await archiver.close();
await workers.close();
await place.storage.close();

/** More than a pack holds, many small files, and some that move or go. */
function change(run: number): void {
  const directory = join(workspace, `directory-${random.below(8)}`);
  if (random.chance(25)) rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (let file = random.below(60); file >= 0; file -= 1) {
    writeFileSync(join(directory, `file-${file}`), noise(1 + random.below(9_000), `${seed} ${run} ${file}`));
  }
  writeFileSync(
    join(workspace, `large-${random.below(3)}`),
    noise((2 + random.below(24)) * MIB, `${seed} ${run}`),
  );
  const moved = join(workspace, `moved-${random.below(3)}`);
  rmSync(moved, { recursive: true, force: true });
  if (random.chance(30)) renameSync(directory, moved);
}
