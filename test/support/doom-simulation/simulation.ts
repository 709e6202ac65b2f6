import type { RepositoryWorld } from '../../integration/repositories/repository-world.js';
import { PaperAgent } from '../../integration/repositories/paper-agent.js';
import { Chance } from '../prune-simulation/chance.js';
import { clearingLife } from './clearing-life.js';
import { steppedBucket } from './stepped-bucket.js';
import { EVENTS, noteLosses, type EventCounts, type Story } from './story.js';
import { Turns } from './turns.js';
import { writingLife } from './writing-life.js';

export interface SimulationOptions {
  readonly firstSeed: number;
  readonly seeds: number;
  readonly agentsIgnoreDooms?: boolean;
}

export interface SimulationOutcome {
  /** In words, of the first story in which there were some; must be empty. */
  readonly losses: readonly string[];
  readonly counts: EventCounts;
}

/**
 * Two agents, of which one at a time is assigned the workspace, one that clears up, and fate that takes leases away:
 * the server's own code on a real database, in an order that the seed decides.
 */
export async function simulateDooms(
  world: RepositoryWorld,
  { firstSeed, seeds, agentsIgnoreDooms = false }: SimulationOptions,
): Promise<SimulationOutcome> {
  const losses: string[] = [];
  const counts = Object.fromEntries(EVENTS.map((event) => [event, 0])) as EventCounts;
  const agentIds = [await world.newAgentRow(), await world.newAgentRow()];
  for (let seed = firstSeed; seed < firstSeed + seeds && losses.length === 0; seed += 1) {
    const story = await begin(world, seed, agentIds, { counts, agentsIgnoreDooms });
    const writers = story.agents.map((agent) => () => writingLife(story, agent));
    await story.turns.run([...writers, () => clearingLife(story), () => fate(story)]);
    await noteLosses(story, 'at the end');
    losses.push(...story.losses.map((loss) => `seed ${seed}, ${loss}`));
  }
  return { losses, counts };
}

async function begin(
  world: RepositoryWorld,
  seed: number,
  agentIds: readonly string[],
  settings: Pick<Story, 'counts' | 'agentsIgnoreDooms'>,
): Promise<Story> {
  const chance = new Chance(seed);
  const turns = new Turns(chance);
  const bucket = steppedBucket(turns, chance);
  world.one.bucket.storage = bucket;
  const workspace = await world.newWorkspace(agentIds[0]!);
  return {
    ...settings,
    server: world.one,
    ...{ bucket, turns, chance },
    workspaceId: workspace.id,
    repositoryId: workspace.repositoryId,
    agents: agentIds.map((id) => new PaperAgent(world.one, id, workspace)),
    named: new Set(),
    needs: new Map(),
    losses: [],
    isOver: false,
  };
}

/** Moves the workspace from one agent to the other, and ends the lease. */
async function fate(story: Story): Promise<void> {
  const { server, turns, chance, workspaceId, repositoryId, agents } = story;
  while (!story.isOver) {
    for (let wait = 10 + chance.below(20); wait > 0; wait -= 1) await turns.next();
    await server.database.query('UPDATE workspaces SET agent_id = $2 WHERE id = $1', [
      workspaceId,
      chance.pick(agents).id,
    ]);
    await server.database.query('UPDATE leases SET expires_at = now() WHERE repository_id = $1', [
      repositoryId,
    ]);
  }
}
