import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DEFAULT_POLICY } from '../../src/snapshot-engine/archiver/archive-policy.js';
import {
  WorkspaceArchiver,
  type WorkspaceResult,
} from '../../src/snapshot-engine/archiver/workspace-archiver.js';
import { ArchiveMaker } from './archive-maker.js';

/** Limits of the user namespace that the process is in. */
export interface WatchingLimits {
  readonly max_inotify_watches?: number;
  readonly max_inotify_instances?: number;
}

export interface WatchingSettings {
  readonly workspace: string;
  readonly limits?: WatchingLimits;
  readonly fullWalkIntervalMs?: number;
}

export interface WatchingQuestion {
  /** Set before the run. */
  readonly limits?: WatchingLimits;
  readonly full?: boolean;
}

export interface WatchingAnswer extends Pick<
  WorkspaceResult,
  'status' | 'walk' | 'fullWalkReason' | 'missedChanges' | 'watcherProblem' | 'tree' | 'problemCount'
> {
  /** Root tree of a walk that knows nothing of earlier ones. */
  readonly freshTree: string;
}

/* Archives a workspace whenever it is asked to, with the kernel's inotify and within limits of its own. */
const settings = JSON.parse(process.argv[2]!) as WatchingSettings;
const { workspace, fullWalkIntervalMs } = settings;
limit(settings.limits);
const maker = await ArchiveMaker.create();
const archiver = new WorkspaceArchiver({
  target: maker.target,
  workers: maker.workers,
  workspace,
  layout: 'contents',
  policy: { ...DEFAULT_POLICY, defaultExcludes: false },
  origin: { hostname: 'host', username: 'user' },
  // Ahead of the file system's time stamps, so that nothing is too young to be trusted.
  now: () => Date.now() + 60_000,
  ...(fullWalkIntervalMs !== undefined && { fullWalkIntervalMs }),
});
for await (const line of createInterface({ input: process.stdin })) {
  const { limits, full = false } = JSON.parse(line) as WatchingQuestion;
  limit(limits);
  const { status, walk, fullWalkReason, missedChanges, watcherProblem, tree, problemCount } =
    await archiver.run({ full });
  const { tree: freshTree } = await (await ArchiveMaker.create()).archive(workspace);
  const answer: WatchingAnswer = {
    status,
    walk,
    fullWalkReason,
    missedChanges,
    watcherProblem,
    tree,
    problemCount,
    freshTree,
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await archiver.close();

function limit(limits: WatchingLimits = {}): void {
  for (const [name, value] of Object.entries(limits)) writeFileSync(`/proc/sys/user/${name}`, `${value}\n`);
}
