import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Statements } from '../../database/statements.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { DirectUploads } from '../direct-uploads/direct-uploads.js';
import { TusUploads } from '../tus/tus-uploads.js';
import type { UploadKind } from '../upload.entity.js';

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
  readonly kind: UploadKind;
  readonly is_hopeless: boolean;
}

/** Also resumable uploads whose bytes are all there, and whose server died before they were a file. */
const DUE = {
  name: 'uploads_due',
  text: `SELECT id, user_id, kind, expires_at <= now() - make_interval(days => $1::integer) AS is_hopeless FROM uploads
    WHERE ended_at IS NULL AND (locked_until IS NULL OR locked_until <= now())
      AND (expires_at <= now() OR (kind = 'tus' AND state = 'completing'))
      AND NOT (kind = 'direct' AND state = 'completing')
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
    private readonly direct: DirectUploads,
    private readonly tus: TusUploads,
  ) {}

  onModuleInit(): void {
    this.queue.handle(TASK, (_payload, { signal }) => this.run(signal));
    this.queue.schedule(TASK, { everySeconds: EVERY_SECONDS });
  }

  /** An upload whose bucket fails is tried again with the next run. */
  async run(signal: AbortSignal): Promise<void> {
    const due = await this.statements.query<DueUpload>(DUE, [PATIENCE_DAYS, AT_ONCE]);
    for (const upload of due) {
      signal.throwIfAborted();
      await this.end(upload).catch((error: unknown) => this.failed(upload, error));
    }
    await this.statements.query(FORGET, [REMEMBERED_DAYS, AT_ONCE]);
  }

  private end({ id, user_id: userId, kind }: DueUpload): Promise<void> {
    return kind === 'tus' ? this.tus.endWhenDue(userId, id) : this.direct.endWhenDue(userId, id);
  }

  private async failed({ id, is_hopeless: isHopeless }: DueUpload, error: unknown): Promise<void> {
    this.logger.warn(`upload ${id} could not be ended${isHopeless ? ' and is given up' : ' yet'}`, error);
    if (isHopeless) await this.statements.query(GIVE_UP, [id]);
  }
}
