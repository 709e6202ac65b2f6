import { type Cost, measureCommand } from '../meter.ts';
import type { Peer, PeerFolders } from './peer.ts';

const PASSWORD = 'bench';

/** Stock restic, as it comes: it verifies what it wrote only from version 0.16.4 on. */
export function resticPeer({ tree, repository }: PeerFolders): Peer {
  const run = (...args: string[]): Promise<Cost> =>
    measureCommand('restic', ['-r', repository, '-q', ...args], {
      PATH: process.env.PATH ?? '',
      RESTIC_CACHE_DIR: `${repository}-cache`,
      RESTIC_PASSWORD: PASSWORD,
    });
  return {
    name: 'restic',
    create: async () => void (await run('init')),
    snapshot: () => run('backup', tree),
    restore: (target) => run('restore', 'latest', '--target', target),
    check: () => run('check', '--read-data'),
    close: async () => undefined,
  };
}
