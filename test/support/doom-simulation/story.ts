import type { PaperAgent } from '../../integration/repositories/paper-agent.js';
import type { RepositoriesProcess } from '../../integration/repositories/repositories-process.js';
import { strictList } from '../../../src/storage-providers/strict-list.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import type { Chance } from '../prune-simulation/chance.js';
import type { Turns } from './turns.js';

export const EVENTS = [
  'commits',
  'refused',
  'lost leases',
  'broken off',
  'doomed',
  'rescued late',
  'deleted',
  'forgotten',
] as const;
export type EventCounts = Record<(typeof EVENTS)[number], number>;

/** What all lives of one simulated repository share. */
export interface Story {
  readonly server: RepositoriesProcess;
  readonly bucket: ObjectStorage;
  readonly turns: Turns;
  readonly chance: Chance;
  readonly counts: EventCounts;
  readonly workspaceId: string;
  readonly repositoryId: string;
  readonly agents: readonly PaperAgent[];
  /** Packs that index files in the bucket name. */
  readonly named: Set<string>;
  /** What the snapshot of a tree cannot be without, by the tree's id. */
  readonly needs: Map<string, ReadonlySet<string>>;
  readonly losses: string[];
  /** Agents that take no notice of what is doomed: the simulation must find that out. */
  readonly agentsIgnoreDooms: boolean;
  /** Nobody clears up any more: the others end, too. */
  isOver: boolean;
}

/** Packs that lie in the bucket. */
export async function packsIn({ bucket, repositoryId }: Story): Promise<Set<string>> {
  return idsBelow(bucket, `repositories/${repositoryId}/data/`);
}

/** Packs that the snapshots need which lie in the bucket. */
export async function neededPacks(story: Story): Promise<Set<string>> {
  const listed = await idsBelow(story.bucket, `repositories/${story.repositoryId}/snapshots/`);
  const trees = await story.server.database.query<{ id: string; tree: string }[]>(
    `SELECT encode(object_id, 'hex') AS id, encode(tree, 'hex') AS tree FROM snapshots WHERE workspace_id = $1`,
    [story.workspaceId],
  );
  return new Set(
    trees.filter(({ id }) => listed.has(id)).flatMap(({ tree }) => [...(story.needs.get(tree) ?? [])]),
  );
}

/** Notes every pack that a snapshot needs which was decided and not forgotten, and that is absent or in no index. */
export async function noteLosses(story: Story, when: string): Promise<void> {
  const packs = await packsIn(story);
  const rows = await story.server.database.query<{ tree: string }[]>(
    `SELECT encode(tree, 'hex') AS tree FROM snapshots WHERE workspace_id = $1`,
    [story.workspaceId],
  );
  for (const { tree } of rows) {
    for (const pack of story.needs.get(tree) ?? []) {
      if (!packs.has(pack)) story.losses.push(`${when}: pack ${pack} is absent`);
      else if (!story.named.has(pack)) story.losses.push(`${when}: no index names pack ${pack}`);
    }
  }
}

async function idsBelow(bucket: ObjectStorage, prefix: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { key } of strictList(bucket, { prefix })) ids.add(key.slice(key.lastIndexOf('/') + 1));
  return ids;
}
