import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Cost } from '../meter.ts';
import type { Peer, PeerFolders } from './peer.ts';

/** One step that a process of ours performs and measures from within, all its threads together. */
export interface StepRequest extends PeerFolders {
  readonly step: 'create' | 'snapshot' | 'restore' | 'check';
  readonly target?: string;
}

export type StepAnswer = { readonly cost: Cost } | { readonly failure: string };

const PROCESS = new URL('./stowage-process.ts', import.meta.url);

/**
 * Our engine. Snapshots come from one process that stays, as an agent does; restores and checks from new ones, which
 * open the repository first.
 */
export function stowagePeer(folders: PeerFolders): Peer {
  let agent: StowageProcess | undefined;
  const once = async (step: 'restore' | 'check', target?: string): Promise<Cost> => {
    const process = new StowageProcess();
    try {
      return await process.perform({ ...folders, step, target });
    } finally {
      await process.close();
    }
  };
  return {
    name: 'stowage',
    create: async () => {
      agent = new StowageProcess();
      await agent.perform({ ...folders, step: 'create' });
    },
    snapshot: () => agent!.perform({ ...folders, step: 'snapshot' }),
    restore: (target) => once('restore', target),
    check: () => once('check'),
    close: async () => agent?.close(),
  };
}

class StowageProcess {
  readonly #child = fork(PROCESS, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });

  async perform(request: StepRequest): Promise<Cost> {
    this.#child.send(request);
    const [answer] = (await Promise.race([
      once(this.#child, 'message'),
      once(this.#child, 'exit').then(() => [{ failure: 'its process ended' }]),
    ])) as [StepAnswer];
    if ('failure' in answer) throw new Error(`stowage, ${request.step}: ${answer.failure}`);
    return answer.cost;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }
}
