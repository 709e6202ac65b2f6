import type { CommitRequest } from '../../../src/agent-protocol/messages.js';
import { RepositoriesError } from '../../../src/repositories/repositories-error.js';
import { fileName } from '../../../src/snapshot-engine/index.js';
import { isStorageError } from '../../../src/storage-providers/storage-errors.js';
import { putOrder, type PaperAgent } from '../../integration/repositories/paper-agent.js';
import type { Story } from './story.js';

/** Of one session at most. */
const RUNS = 4;

/** An agent: takes the lease, loads the index, and makes snapshots that rely on what it found there. */
export async function writingLife(story: Story, agent: PaperAgent): Promise<void> {
  while (!story.isOver) {
    try {
      await writeFor(story, agent);
    } catch (error) {
      noteEnd(story, error);
    }
    await story.turns.next();
  }
}

async function writeFor(story: Story, agent: PaperAgent): Promise<void> {
  const { turns, chance, named } = story;
  const { doomed } = await agent.takeLease();
  await turns.next();
  const index = new Set(named);
  if (!story.agentsIgnoreDooms) for (const id of doomed) index.delete(id);
  const runs = 1 + chance.below(RUNS);
  for (let run = 0; run < runs; run += 1) {
    await turns.next();
    const files = chance.happens(0.7) ? [await storePack(story, agent, index)] : [];
    const needs = new Set([...files, ...[...index].filter(() => chance.happens(0.2))]);
    const request = agent.commitRequest({ files });
    story.needs.set(request.tree, needs);
    await commit(story, agent, request);
  }
}

async function storePack(
  { bucket, repositoryId, turns, named }: Story,
  agent: PaperAgent,
  index: Set<string>,
) {
  const file = agent.newFile(10);
  await agent.order([putOrder(file)]);
  await bucket.put(`repositories/${repositoryId}/${fileName('pack', file.id)}`, file.bytes, {
    sizeBytes: 10,
  });
  await turns.next();
  named.add(file.id);
  index.add(file.id);
  return file.id;
}

/** Repeated once when the answer is lost, as agents do. */
async function commit(story: Story, agent: PaperAgent, request: CommitRequest): Promise<void> {
  try {
    await agent.server.commits.commit(agent.id, request);
  } catch (error) {
    if (!isStorageError(error) || story.chance.happens(0.5)) throw error;
    await story.turns.next();
    await agent.server.commits.commit(agent.id, request);
  }
  story.counts.commits += 1;
}

function noteEnd({ counts }: Story, error: unknown): void {
  if (isStorageError(error)) counts['broken off'] += 1;
  else if (!(error instanceof RepositoriesError)) {
    // Another agent's workspace just now.
    if ((error as { code?: string }).code !== 'not_found') throw error;
  } else if (error.code === 'commit_refused') counts.refused += 1;
  else counts['lost leases'] += 1;
}
