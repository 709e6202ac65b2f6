import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import type { DataSource } from 'typeorm';
import { abortOnDisconnect } from '../../credentials/abort-on-disconnect.js';
import type { OpenedConfig } from '../../credentials/cloud-storages.service.js';
import type { GetOptions, ObjectContent, ObjectStorage } from '../../storage-providers/storage-provider.js';
import type { AccessTimes } from '../access-times.js';
import { attachment, CONTENT_PROTECTION } from '../content-headers.js';
import { tooManyZips } from '../file-errors.js';
import { UserSlots } from '../../rest/user-slots.js';
import { writeZip } from './write-zip.js';
import { layOut } from './zip-layout.js';
import { selectFiles, type ZippedFile, type ZipSelection } from './zip-selection.js';

export interface ZipDownloadsOptions {
  readonly database: DataSource;
  readonly accessTimes: AccessTimes;
  /** The bucket that a configuration of the user names. */
  readonly bucketOf: (userId: number, configId: number) => Promise<OpenedConfig>;
  /** Hears of every file that was sent to its end. */
  readonly countBytes: (bytes: number) => void;
}

const ZIPS_PER_USER = 4;

/**
 * Sends many files as one archive that is made while it is sent: one file after the other, as fast as the client takes
 * them. Its length is announced, so that a browser shows how far it is, and an archive that breaks off is never taken
 * for a whole one.
 */
export class ZipDownloads {
  private readonly slots = new UserSlots(ZIPS_PER_USER, tooManyZips);

  constructor(private readonly options: ZipDownloadsOptions) {}

  /**
   * @param filename what the client should call it
   * @throws what selectFiles throws; FilesError `too_many_zips`, `file_damaged`, CredentialsError, StorageError; after
   *   the headers were sent, the connection is broken then and the error is only to be noted
   */
  async send(userId: number, selection: ZipSelection, filename: string, reply: FastifyReply): Promise<void> {
    const release = this.slots.take(userId);
    const signal = abortOnDisconnect(reply.raw);
    try {
      const files = await selectFiles(this.options.database, userId, selection);
      await this.sendFiles(userId, files, filename, reply, signal);
    } finally {
      release();
    }
  }

  private async sendFiles(
    userId: number,
    files: readonly ZippedFile[],
    filename: string,
    reply: FastifyReply,
    signal: AbortSignal,
  ): Promise<void> {
    const layout = layOut(files);
    const headers = { ...reply.getHeaders(), ...zipHeaders(filename, layout.totalBytes) };
    const buckets = await this.bucketsOf(userId, files);
    const open = (file: ZippedFile, options: Pick<GetOptions, 'range'>): Promise<ObjectContent> =>
      buckets.get(file.configId)!.get(file.objectKey, { ...options, signal });
    if (reply.request.method === 'HEAD') {
      begin(reply, headers).end();
      return;
    }
    // What is wrong with the bucket shows while it can still be told.
    const first = await open(files[0]!, {});
    first.body.on('error', () => undefined);
    if (reply.raw.destroyed) {
      first.body.destroy();
      return;
    }
    const onFile = (file: ZippedFile) => this.note(file);
    const archive = Readable.from(writeZip(layout, first, { open, onFile }), { objectMode: false });
    try {
      await pipeline(archive, begin(reply, headers));
    } catch (error) {
      // A client that went away is no failure of the server.
      if (!signal.aborted) throw error;
    } finally {
      // Nobody may have asked the archive for a byte.
      first.body.destroy();
    }
  }

  private async bucketsOf(
    userId: number,
    files: readonly ZippedFile[],
  ): Promise<ReadonlyMap<number, ObjectStorage>> {
    const buckets = new Map<number, ObjectStorage>();
    for (const configId of new Set(files.map((file) => file.configId))) {
      buckets.set(configId, (await this.options.bucketOf(userId, configId)).storage);
    }
    return buckets;
  }

  private note(file: ZippedFile): void {
    this.options.accessTimes.note(file.id);
    this.options.countBytes(file.sizeBytes);
  }
}

/** From here on the connection itself tells success and failure, so the framework is left out. */
function begin(reply: FastifyReply, headers: Readonly<Record<string, unknown>>) {
  reply.hijack();
  return reply.raw.writeHead(200, headers as Record<string, string>);
}

function zipHeaders(filename: string, sizeBytes: number): Record<string, string | number> {
  return {
    ...CONTENT_PROTECTION,
    'content-type': 'application/zip',
    'content-length': sizeBytes,
    'content-disposition': attachment(filename),
    'cache-control': 'private, no-store',
  };
}
