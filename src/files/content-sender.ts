import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import type { AccessTimes } from './access-times.js';
import { contentRequestOf, planContent, servedFile } from './content-headers.js';
import { sendContent } from './content-stream.js';
import type { FileReads, FileRecord } from './file-reads.js';

export interface ContentSenderOptions {
  readonly reads: FileReads;
  readonly accessTimes: AccessTimes;
  /** The bucket that a configuration of the user names. */
  readonly bucketOf: (userId: number, configId: number) => Promise<OpenedConfig>;
  /** Hears of every content that was sent to its end. */
  readonly countBytes: (bytes: number) => void;
}

/**
 * Streams a file's content through this server. What the client gets as complete is what was uploaded: a body that
 * is short or wrong breaks the connection before its last byte.
 */
export class ContentSender {
  constructor(private readonly options: ContentSenderOptions) {}

  /** @throws RequestError `not_found`, `precondition_failed`, CredentialsError, and what `sendContent` throws */
  async send(userId: number, fileId: number, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    return this.sendRecord(userId, await this.options.reads.record(userId, fileId), request, reply);
  }

  /** The same with the present content or an earlier one. @throws as `send` */
  async sendVersion(
    userId: number,
    [fileId, version]: readonly [number, number],
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const file = await this.options.reads.versionRecord(userId, fileId, version);
    return this.sendRecord(userId, file, request, reply);
  }

  private async sendRecord(
    userId: number,
    file: FileRecord,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { bucketOf, accessTimes, countBytes } = this.options;
    const { sizeBytes, crc32, objectKey, configId } = file;
    const plan = planContent(servedFile(file), contentRequestOf(request.headers));
    const sentBytes = await sendContent(reply, plan, {
      sizeBytes,
      crc32,
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
