import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CloudStorages } from '../../credentials/cloud-storages.service.js';
import { Statements } from '../../database/statements.js';
import { JobQueue } from '../../jobs/job-queue.service.js';
import { CLEAN_UP_MS } from '../upload-limits.js';
import type { UploadKind } from '../upload.entity.js';
import { abandonUpload } from '../abandon-upload.js';
import { TusUploads } from './tus-uploads.js';

const TASK = 'uploads.expire';
const EVERY_SECONDS = 300;
/** In one run; the others are still there five minutes later. */
const AT_ONCE = 500;
/** Longer than the calls to a bucket may take. */
const LOCK_SECONDS = 120;
/** A bucket that cannot be reached for so long is not asked any more; what it may hold is left to it. */
const PATIENCE_DAYS = 7;
/** Ended uploads are remembered for clients that come late. */
const REMEMBERED_DAYS = 7;

interface DueRow {
  readonly id: string;
  readonly user_id: number;
  readonly kind: UploadKind;
  readonly is_hopeless: boolean;
}

/** Also uploads whose bytes are all there, and whose server died before they were a file. */
const DUE = {
  name: 'uploads_due',
  text: `SELECT id, user_id, kind, expires_at <= now() - make_interval(days => $1::integer) AS is_hopeless FROM uploads
    WHERE ended_at IS NULL AND (locked_until IS NULL OR locked_until <= now())
      AND (expires_at <= now() OR (kind = 'tus' AND state = 'completing'))
      AND NOT (kind = 'direct' AND state = 'completing')
    ORDER BY expires_at, id LIMIT $2`,
};

interface DirectRow {
  readonly cloud_config_id: number;
  readonly object_key: string;
  readonly multipart_id: string | null;
  readonly file_id: number | null;
}

/** An upload that is a file all the same keeps its object. */
const DOOM_DIRECT = {
  name: 'uploads_doom_direct',
  text: `UPDATE uploads SET state = 'aborted', locked_by = $2, locked_until = now() + make_interval(secs => $3::float8)
    WHERE id = $1 AND kind = 'direct' AND state IN ('open', 'aborted') AND ended_at IS NULL AND expires_at <= now()
      AND (locked_until IS NULL OR locked_until <= now())
    RETURNING cloud_config_id, object_key, multipart_id, (
      SELECT id FROM cloud_files AS file
        WHERE file.cloud_config_id = uploads.cloud_config_id AND file.object_key = uploads.object_key
      UNION ALL SELECT version.file_id FROM file_versions AS version
        WHERE version.cloud_config_id = uploads.cloud_config_id AND version.object_key = uploads.object_key
      LIMIT 1) AS file_id`,
};

const END_DIRECT = {
  name: 'uploads_end_direct',
  text: `UPDATE uploads SET ended_at = now(), locked_until = NULL, file_id = $3,
      state = CASE WHEN $3::integer IS NULL THEN 'aborted' ELSE 'completed' END
    WHERE id = $1 AND locked_by = $2 AND ended_at IS NULL`,
};

const GIVE_UP = {
  name: 'uploads_give_up',
  text: `UPDATE uploads SET state = 'aborted', ended_at = now(), locked_until = NULL
    WHERE id = $1 AND ended_at IS NULL AND (locked_until IS NULL OR locked_until <= now())`,
};

const FORGET = {
  name: 'uploads_forget',
  text: `DELETE FROM uploads WHERE id IN (
    SELECT id FROM uploads WHERE kind = 'tus' AND ended_at <= now() - make_interval(days => $1::integer) LIMIT $2)`,
};

/** Ends uploads that nobody goes on with, of both kinds, and removes what they have in the bucket. */
@Injectable()
export class UploadsExpiry implements OnModuleInit {
  private readonly logger = new Logger('UploadsExpiry');

  constructor(
    private readonly queue: JobQueue,
    private readonly statements: Statements,
    private readonly storages: CloudStorages,
    private readonly tus: TusUploads,
  ) {}

  onModuleInit(): void {
    this.queue.handle(TASK, (_payload, { signal }) => this.run(signal));
    this.queue.schedule(TASK, { everySeconds: EVERY_SECONDS });
  }

  /** An upload whose bucket fails is tried again with the next run. */
  async run(signal: AbortSignal): Promise<void> {
    const due = await this.statements.query<DueRow>(DUE, [PATIENCE_DAYS, AT_ONCE]);
    for (const row of due) {
      signal.throwIfAborted();
      await this.end(row).catch((error: unknown) => this.failed(row, error));
    }
    await this.statements.query(FORGET, [REMEMBERED_DAYS, AT_ONCE]);
  }

  private async end({ id, user_id: userId, kind }: DueRow): Promise<void> {
    if (kind === 'tus') return this.tus.endWhenDue(userId, id);
    const lockId = randomUUID();
    const [row] = await this.statements.query<DirectRow>(DOOM_DIRECT, [id, lockId, LOCK_SECONDS]);
    if (row === undefined) return;
    const {
      cloud_config_id: configId,
      object_key: objectKey,
      multipart_id: multipartId,
      file_id: fileId,
    } = row;
    if (fileId === null) {
      const { storage } = await this.storages.byConfigId(userId, configId);
      await abandonUpload(storage, { objectKey, multipartId: multipartId ?? undefined, tailKey: undefined });
      await storage.delete(objectKey, { signal: AbortSignal.timeout(CLEAN_UP_MS) });
    }
    await this.statements.query(END_DIRECT, [id, lockId, fileId]);
  }

  private async failed({ id, is_hopeless: isHopeless }: DueRow, error: unknown): Promise<void> {
    this.logger.warn(`upload ${id} could not be ended${isHopeless ? ' and is given up' : ' yet'}`, error);
    if (isHopeless) await this.statements.query(GIVE_UP, [id]);
  }
}
