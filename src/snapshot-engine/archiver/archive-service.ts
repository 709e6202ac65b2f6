import type { FinishedPack } from '../pack/pack-writer.js';
import type { WorkerService, WorkerServiceFactory } from '../workers/worker-service.js';
import { ArchiveSession } from './archive-session.js';
import { ArenaPool } from './plaintext-arena.js';
import type { ArchiveSessionInit, ArchiveTurn } from './turn.js';

/** The worker's side of archiving; its memory for plaintext is kept from run to run. */
export function archiveServices(): WorkerServiceFactory {
  const arenas = new ArenaPool();
  return (init: ArchiveSessionInit): WorkerService => {
    const session = new ArchiveSession(init, arenas);
    return {
      turn: (turn: ArchiveTurn) => session.turn(turn),
      drain: () => session.drain(),
      merge: (packs: readonly FinishedPack[]) => session.merge(packs),
      end: () => session.end(),
    };
  };
}
