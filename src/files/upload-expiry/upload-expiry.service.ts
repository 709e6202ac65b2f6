import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { Statements } from '../../database/statements.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { DirectUploads } from '../direct-uploads/direct-uploads.js';
import { BucketEpochs } from '../epoch/bucket-epochs.js';
import { RestingBuckets } from '../resting-buckets.js';
import { trustedBuckets } from '../trusted-buckets.js';
import { TusUploads } from '../tus/tus-uploads.js';
import type { UploadKind, UploadState } from '../upload.entity.js';

const TASK = 'uploads.expire';
const EVERY_SECONDS = 300;
/** In one run; the others are still there five minutes later. */
const AT_ONCE = 500;
/** A bucket that cannot be reached for so long is not asked any more; what it may hold is left to it. */
const PATIENCE_DAYS = 7;
/** For so long the outcome of an ended upload can be asked for. */
const REMEMBERED_DAYS = 7;

interface DueUpload {
  readonly id: string;
  readonly user_id: number;
  readonly cloud_config_id: number;
  readonly kind: UploadKind;
  readonly state: UploadState;
  readonly is_hopeless: boolean;
}

/**
 * Also resumable uploads whose bytes are all there, and whose server died before they were a file: nothing is deleted
 * for them, so they do not wait for a bucket that is locked. What was tried before in the same run is left out.
 */
const DUE = {
  name: 'uploads_due',
  text: `SELECT id, user_id, cloud_config_id, kind, state, expires_at <= now() - make_interval(days => $1::integer) AS is_hopeless FROM uploads
    WHERE ended_at IS NULL AND (locked_until IS NULL OR locked_until <= now())
      AND (expires_at <= now() OR (kind = 'tus' AND state = 'completing'))
      AND NOT (kind = 'direct' AND state = 'completing')
      AND id <> ALL ($3::uuid[]) AND (state = 'completing' OR cloud_config_id <> ALL ($4::integer[]))
    ORDER BY expires_at, id LIMIT $2`,
};

const GIVE_UP = {
  name: 'uploads_give_up',
  text: `UPDATE uploads SET state = 'aborted', ended_at = now(), locked_until = NULL
    WHERE id = $1 AND ended_at IS NULL AND (locked_until IS NULL OR locked_until <= now())`,
};

const FORGET = {
  name: 'uploads_forget',
  text: `DELETE FROM uploads WHERE id IN (
    SELECT id FROM uploads WHERE ended_at <= now() - make_interval(days => $1::integer) LIMIT $2)`,
};

/** Ends uploads that nobody goes on with, removes what they have in the bucket, and forgets those that ended long ago. */
@Injectable()
export class UploadExpiry implements OnModuleInit {
  private readonly logger = new Logger(UploadExpiry.name);

  constructor(
    private readonly queue: JobQueue,
    private readonly statements: Statements,
    private readonly storages: CloudStorages,
    private readonly epochs: BucketEpochs,
    private readonly direct: DirectUploads,
    private readonly tus: TusUploads,
  ) {}

  onModuleInit(): void {
    this.queue.handle(TASK, (_payload, { signal }) => this.run(signal), { lane: 'long' });
    this.queue.schedule(TASK, { everySeconds: EVERY_SECONDS });
  }

  /**
   * An upload whose bucket fails, or is locked, is tried again with the next run and keeps no others waiting: a database
   * that was restored does not know which of its uploads have become files since.
   */
  async run(signal: AbortSignal): Promise<void> {
    const resting = new RestingBuckets();
    const tried: string[] = [];
    for (let found = AT_ONCE; found === AT_ONCE && tried.length < AT_ONCE;) {
      const values = [PATIENCE_DAYS, AT_ONCE, tried, resting.configIds];
      const due = await this.statements.query<DueUpload>(DUE, values);
      found = due.length;
      const trusted = await this.trusted(due.filter(isToBeDeleted), resting, signal);
      for (const upload of due) {
        signal.throwIfAborted();
        if (isToBeDeleted(upload) && !trusted.has(upload.cloud_config_id)) {
          await this.wait(upload);
          continue;
        }
        tried.push(upload.id);
        await this.end(upload).catch((error: unknown) => this.failed(upload, error));
      }
    }
    await this.statements.query(FORGET, [REMEMBERED_DAYS, AT_ONCE]);
  }

  private trusted(uploads: readonly DueUpload[], resting: RestingBuckets, signal: AbortSignal) {
    const { storages, epochs } = this;
    const onFailure = (configId: number, error: unknown) =>
      this.logger.warn(`expired uploads into configuration ${configId} wait`, error);
    return trustedBuckets(uploads, resting, { storages, epochs, signal, onFailure });
  }

  private end({ id, user_id: userId, kind }: DueUpload): Promise<void> {
    return kind === 'tus' ? this.tus.endWhenDue(userId, id) : this.direct.endWhenDue(userId, id);
  }

  private async failed(upload: DueUpload, error: unknown): Promise<void> {
    const fate = upload.is_hopeless ? ' and is given up' : ' yet';
    this.logger.warn(`upload ${upload.id} could not be ended${fate}`, error);
    await this.wait(upload);
  }

  private async wait({ id, is_hopeless: isHopeless }: DueUpload): Promise<void> {
    if (isHopeless) await this.statements.query(GIVE_UP, [id]);
  }
}

/** All others only need to be finished. */
function isToBeDeleted({ state }: DueUpload): boolean {
  return state !== 'completing';
}
