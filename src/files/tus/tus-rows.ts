import { setTimeout } from 'node:timers/promises';
import type { Statement, Statements } from '../../database/statements.js';
import type { UploadedPart } from '../../storage-providers/storage-provider.js';
import { mayHaveTakenEffect } from '../file-records.js';
import { RESUMABLE_UPLOAD_HOURS } from '../upload-limits.js';
import { FIND, FIND_FILE, INSERT, LOCK, MOVE, PARTS, RELEASE, RENEW, SET } from './tus-statements.js';
import type { NewTusUpload, TusProgress, TusUpload, WholeContent } from './tus-upload.js';
import { type TusRow, toTusUpload } from './tus-row.js';

/** How often a statement whose outcome is unknown is repeated; all of them may be. */
const ATTEMPTS = 3;
const PAUSE_MS = 500;

export interface FoundUpload {
  readonly upload: TusUpload;
  /** The request that writes it now. */
  readonly lockedBy: string | undefined;
}

/**
 * Rows of `uploads` of the kind `tus`, and their parts. A method that returned has committed. Whoever changes an upload
 * holds its lock: a statement of someone who has lost it changes nothing and answers false.
 */
export class TusRows {
  constructor(
    private readonly statements: Statements,
    private readonly lockSeconds: number,
  ) {}

  /** @param lockId the new upload is locked by it from the beginning; undefined for nobody */
  async insert(upload: NewTusUpload, lockId: string | undefined): Promise<TusUpload> {
    const { id, userId, configId, objectKey, filename, folder, contentType, tags, metadata } = upload;
    const { sizeBytes, partBytes, checksum } = upload;
    const [row] = await this.run<TusRow>(INSERT, [
      ...[id, userId, configId, objectKey, filename, folder, contentType, tags, metadata ?? null],
      ...[sizeBytes ?? null, partBytes, checksum ?? null, lockId ?? null, this.lockSeconds],
      RESUMABLE_UPLOAD_HOURS,
    ]);
    return toTusUpload(row as TusRow);
  }

  async find(userId: number, id: string): Promise<FoundUpload | undefined> {
    const [row] = await this.statements.query<TusRow>(FIND, [id, userId]);
    return row && { upload: toTusUpload(row), lockedBy: row.locked_by ?? undefined };
  }

  /** Undefined when someone else holds it, or when there is no such upload that has not ended. */
  async lock(userId: number, id: string, lockId: string): Promise<TusUpload | undefined> {
    const [row] = await this.run<TusRow>(LOCK, [id, userId, lockId, this.lockSeconds]);
    return row && toTusUpload(row);
  }

  async renew(id: string, lockId: string): Promise<boolean> {
    return this.changed(RENEW, [id, lockId, this.lockSeconds]);
  }

  /** @param nextPart the lowest part number that was never used */
  async release(id: string, lockId: string, nextPart: number): Promise<boolean> {
    return this.changed(RELEASE, [id, lockId, nextPart]);
  }

  /** @param whole when these were the last bytes: the upload is `completing` from now on */
  async move(
    id: string,
    lockId: string,
    { receivedBytes, crc32, tailKey, tailBytes, nextPart }: TusProgress,
    parts: readonly UploadedPart[],
    whole: WholeContent | undefined,
  ): Promise<boolean> {
    return this.changed(MOVE, [
      ...[id, lockId, receivedBytes, crc32, tailKey ?? null, tailBytes, nextPart],
      ...[
        whole?.objectKey ?? null,
        whole?.computedChecksum ?? null,
        this.lockSeconds,
        RESUMABLE_UPLOAD_HOURS,
      ],
      ...[parts.map((part) => part.partNumber), parts.map((part) => part.sizeBytes)],
      parts.map((part) => part.etag),
    ]);
  }

  setMultipartId(id: string, lockId: string, multipartId: string): Promise<boolean> {
    return this.changed(SET.multipartId, [id, lockId, multipartId]);
  }

  setSize(id: string, lockId: string, sizeBytes: number): Promise<boolean> {
    return this.changed(SET.size, [id, lockId, sizeBytes]);
  }

  /** Ends it, and its lock. */
  complete(id: string, lockId: string, fileId: number): Promise<boolean> {
    return this.changed(SET.completed, [id, lockId, fileId]);
  }

  /** Ends it, and its lock. */
  abort(id: string, lockId: string): Promise<boolean> {
    return this.changed(SET.aborted, [id, lockId]);
  }

  /** In their order. */
  async parts(id: string): Promise<UploadedPart[]> {
    const rows = await this.statements.query<PartRow>(PARTS, [id]);
    return rows.map((row) => ({
      partNumber: row.part_number,
      sizeBytes: Number(row.size_bytes),
      etag: row.etag,
    }));
  }

  /** The file that has this object as its content or as that of an earlier version. */
  async fileOf(configId: number, objectKey: string): Promise<number | undefined> {
    const [row] = await this.statements.query<{ id: number }>(FIND_FILE, [configId, objectKey]);
    return row?.id;
  }

  private async changed(statement: Statement, values: readonly unknown[]): Promise<boolean> {
    return (await this.run(statement, values)).length > 0;
  }

  private async run<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.statements.query<Row>(statement, values);
      } catch (error) {
        if (attempt >= ATTEMPTS || !mayHaveTakenEffect(error)) throw error;
        await setTimeout(PAUSE_MS);
      }
    }
  }
}

interface PartRow {
  readonly part_number: number;
  readonly size_bytes: string;
  readonly etag: string;
}
