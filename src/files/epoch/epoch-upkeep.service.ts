import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { Sealing } from '../../credentials/sealing/sealing.service.js';
import { Statements } from '../../database/statements.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { BucketEpochs, EPOCH_EVERY_MS } from './bucket-epochs.js';

const UPKEEP = 'files.epochs';
const EVERY_SECONDS = 600;
/** In one turn; those that were looked at longest ago come first. */
const MAX_BUCKETS = 500;

/** Active buckets that got a file since their epoch was written, an hour ago or longer. */
const DUE = {
  name: 'epoch_due',
  text: `SELECT c.id, c.user_id FROM cloud_configs c
      LEFT JOIN swept_configs s ON s.cloud_config_id = c.id
      LEFT JOIN bucket_epochs e ON e.id = s.bucket_id
    WHERE c.is_active AND (e.id IS NULL OR e.written_at <= now() - $2 * interval '1 millisecond')
      AND (s.looked_at IS NULL OR s.looked_at <= now() - interval '5 minutes')
      AND EXISTS (SELECT FROM cloud_files f
        WHERE f.user_id = c.user_id AND f.state = 'stored' AND f.cloud_config_id = c.id
          AND f.uploaded_at > coalesce(e.written_at AT TIME ZONE 'UTC', '-infinity'))
    ORDER BY s.looked_at NULLS FIRST LIMIT $1`,
};

const LOOKED_AT = {
  name: 'epoch_looked_at',
  text: `INSERT INTO swept_configs (cloud_config_id) VALUES ($1)
    ON CONFLICT (cloud_config_id) DO UPDATE SET looked_at = now()`,
};

/** Tells buckets in use of a new epoch every hour, so that an older database is known by what it does not know. */
@Injectable()
export class EpochUpkeep implements OnModuleInit {
  private readonly log = new Logger(EpochUpkeep.name);

  constructor(
    private readonly queue: JobQueue,
    private readonly statements: Statements,
    private readonly storages: CloudStorages,
    private readonly epochs: BucketEpochs,
    private readonly sealing: Sealing,
  ) {}

  onModuleInit(): void {
    this.queue.handle(UPKEEP, (_, { signal }) => this.run(signal), { lane: 'long' });
    this.queue.schedule(UPKEEP, { everySeconds: EVERY_SECONDS });
  }

  /** Safe to run in many processes at once. */
  async run(signal: AbortSignal): Promise<void> {
    if (!this.sealing.state.open) return;
    const values = [MAX_BUCKETS, EPOCH_EVERY_MS];
    const due = await this.statements.query<{ id: number; user_id: number }>(DUE, values);
    for (const { id, user_id: userId } of due) {
      if (signal.aborted) return;
      try {
        await this.epochs.assertCurrent(await this.storages.byConfigId(userId, id), signal);
      } catch (error) {
        // Its turn is over all the same: others wait.
        await this.statements.query(LOOKED_AT, [id]);
        const { code } = error as { code?: unknown };
        this.log.warn(`The epoch of configuration ${id} could not be written: ${String(code)}`);
      }
    }
  }
}
