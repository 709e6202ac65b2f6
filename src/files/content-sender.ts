import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import type { AccessTimes } from './access-times.js';
import { contentRequestOf, planContent, servedFile } from './content-headers.js';
import { type ContentSource, sendContent } from './content-stream.js';
import type { FileReads, FileRecord } from './file-reads.js';
import { type Presentation, presentationOfQuery } from './presentation.js';

export interface ContentSenderOptions {
  readonly reads: FileReads;
  readonly accessTimes: AccessTimes;
  /** The bucket that a configuration of the user names. */
  readonly bucketOf: (userId: number, configId: number) => Promise<OpenedConfig>;
  /** Hears of every content that was sent to its end. */
  readonly countBytes: (bytes: number) => void;
}

/** Who asks, and where the answer goes. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** How a content is sent, and under which condition. */
export interface Sending extends Presentation {
  /** Instead of `private, no-cache`. */
  readonly cacheControl?: string;
  readonly admit?: ContentSource['admit'];
}

/**
 * Streams a file's content through this server. What the client gets as complete is what was uploaded: a body that
 * is short or wrong breaks the connection before its last byte.
 */
export class ContentSender {
  constructor(private readonly options: ContentSenderOptions) {}

  /** @throws RequestError `not_found`, and as `sendRecord` and `presentationOfQuery` */
  async send(userId: number, fileId: number, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const presentation = presentationOfQuery(request.url);
    const file = await this.options.reads.record(userId, fileId);
    return this.sendRecord(userId, file, { request, reply }, presentation);
  }

  /** The same with the present content or an earlier one. @throws as `send` */
  async sendVersion(
    userId: number,
    [fileId, version]: readonly [number, number],
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const presentation = presentationOfQuery(request.url);
    const file = await this.options.reads.versionRecord(userId, fileId, version);
    return this.sendRecord(userId, file, { request, reply }, presentation);
  }

  /**
   * A content of `userId` that somebody else has looked up.
   * @throws RequestError `precondition_failed`, CredentialsError, and what `sendContent` throws
   */
  async sendRecord(
    userId: number,
    file: FileRecord,
    { request, reply }: Exchange,
    { admit, ...served }: Sending = {},
  ): Promise<void> {
    const { bucketOf, accessTimes, countBytes } = this.options;
    const { sizeBytes, crc32, objectKey, configId } = file;
    const plan = planContent(servedFile(file, served), contentRequestOf(request.headers));
    const sentBytes = await sendContent(reply, plan, {
      sizeBytes,
      crc32,
      ...(admit !== undefined && { admit }),
      open: async (options) => {
        const { storage } = await bucketOf(userId, configId);
        const content = await storage.get(objectKey, options);
        accessTimes.note(file.id);
        return content;
      },
    });
    if (sentBytes > 0) countBytes(sentBytes);
  }
}
