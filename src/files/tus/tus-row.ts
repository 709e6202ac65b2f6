import type { UploadState } from '../upload.entity.js';
import type { TusUpload } from './tus-upload.js';

/** As node-postgres gives it: BIGINT is a string. */
export interface TusRow {
  readonly id: string;
  readonly user_id: number;
  readonly cloud_config_id: number;
  readonly state: UploadState;
  readonly object_key: string;
  readonly filename: string;
  readonly folder: string;
  readonly content_type: string;
  readonly tags: string[];
  readonly metadata: string | null;
  readonly size_bytes: string | null;
  readonly part_bytes: string;
  readonly checksum: string | null;
  readonly computed_checksum: string | null;
  readonly multipart_id: string | null;
  readonly received_bytes: string;
  readonly tail_key: string | null;
  readonly tail_bytes: string;
  readonly crc32: string;
  readonly next_part: number;
  readonly file_id: number | null;
  readonly expires_at: Date;
  /** Null when the lock is over. */
  readonly locked_by: string | null;
}

export function toTusUpload(row: TusRow): TusUpload {
  return {
    id: row.id,
    userId: row.user_id,
    configId: row.cloud_config_id,
    state: row.state,
    objectKey: row.object_key,
    filename: row.filename,
    folder: row.folder,
    contentType: row.content_type,
    tags: row.tags,
    metadata: row.metadata ?? undefined,
    sizeBytes: row.size_bytes === null ? undefined : Number(row.size_bytes),
    partBytes: Number(row.part_bytes),
    checksum: row.checksum ?? undefined,
    computedChecksum: row.computed_checksum ?? undefined,
    multipartId: row.multipart_id ?? undefined,
    fileId: row.file_id ?? undefined,
    expiresAt: row.expires_at,
    progress: {
      receivedBytes: Number(row.received_bytes),
      crc32: Number(row.crc32),
      tailKey: row.tail_key ?? undefined,
      tailBytes: Number(row.tail_bytes),
      nextPart: row.next_part,
    },
  };
}
