import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Statements } from '../database/statements.js';
import { JobQueue } from '../jobs/job-queue.service.js';
import { SnapshotCommits } from './snapshot-commits.service.js';

/** A snapshot whose server died in the middle of its commit is restorable after so long, at the latest. */
const FINISH_EVERY_SECONDS = 15;
const FORGET_EVERY_SECONDS = 6 * 3_600;
/** An order that no commit has named for so long belongs to a run that will not end any more. */
const ORDERS_KEPT_DAYS = 7;

/** Finishes what commits that were broken off have left, and forgets orders that came to nothing. */
@Injectable()
export class CommittingSweep implements OnModuleInit {
  constructor(
    private readonly queue: JobQueue,
    private readonly commits: SnapshotCommits,
    private readonly statements: Statements,
  ) {}

  onModuleInit(): void {
    this.queue.handle('snapshots.finish', async (_payload, { signal }) => {
      await this.commits.finishCommitting(undefined, signal);
    });
    this.queue.schedule('snapshots.finish', { everySeconds: FINISH_EVERY_SECONDS });
    this.queue.handle('orders.forget', () => this.forgetOrders());
    this.queue.schedule('orders.forget', { everySeconds: FORGET_EVERY_SECONDS });
  }

  /** The files themselves, if they were stored at all, are found by the next prune. */
  async forgetOrders(): Promise<void> {
    await this.statements.query(FORGET, [ORDERS_KEPT_DAYS]);
  }
}

const FORGET = {
  name: 'repositories_forget_orders',
  text: `DELETE FROM stored_packs WHERE NOT is_committed AND ordered_at < now() - make_interval(days => $1)`,
};
