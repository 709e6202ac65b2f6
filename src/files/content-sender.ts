import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import type { ObjectContent } from '../storage-providers/storage-provider.js';
import type { AccessTimes } from './access-times.js';
import { type ContentPlan, type ContentRequest, planContent } from './content-headers.js';
import { fileDamaged, rangeNotSatisfiable } from './file-errors.js';
import type { FileReads, FileRecord } from './file-reads.js';
import { VerifiedBody } from './verified-body.js';

export interface ContentSenderOptions {
  readonly reads: FileReads;
  readonly accessTimes: AccessTimes;
  /** The bucket that a configuration of the user names. */
  readonly bucketOf: (userId: number, configId: number) => Promise<OpenedConfig>;
  readonly countBytes: (bytes: number) => void;
}

/**
 * Streams a file's content through this server. What the client gets as complete is what was uploaded: a body that
 * is short or wrong breaks the connection before its last byte.
 */
export class ContentSender {
  constructor(private readonly options: ContentSenderOptions) {}

  /** @throws RequestError, FilesError, CredentialsError, StorageError; after the headers, for a broken connection */
  async send(userId: number, fileId: number, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { reads, bucketOf, accessTimes } = this.options;
    const file = await reads.record(userId, fileId);
    const plan = planContent(file, contentRequestOf(request.headers));
    if (plan.status === 416) {
      void reply.headers(plan.headers);
      throw rangeNotSatisfiable(file.sizeBytes);
    }
    if (plan.status === 304 || request.method === 'HEAD') {
      beginAnswer(reply, plan).end();
      return;
    }
    const { storage } = await bucketOf(userId, file.configId);
    const clientGone = new AbortController();
    reply.raw.once('close', () => clientGone.abort());
    const { range } = plan;
    const content = await storage.get(file.objectKey, { range, signal: clientGone.signal });
    assertWhole(file, content, plan);
    accessTimes.note(fileId);
    await this.stream(content, file, plan, reply, clientGone.signal);
  }

  private async stream(
    content: ObjectContent,
    file: FileRecord,
    plan: ContentPlan,
    reply: FastifyReply,
    clientGone: AbortSignal,
  ): Promise<void> {
    const crc32 = plan.range === undefined ? file.crc32 : undefined;
    const verified = new VerifiedBody({ sizeBytes: content.sizeBytes, crc32 });
    let broken: Error | undefined;
    const noteBreak = (error: Error) => {
      if (!clientGone.aborted) broken ??= error;
    };
    content.body.once('error', noteBreak);
    verified.once('error', noteBreak);
    try {
      await pipeline(content.body, verified, beginAnswer(reply, plan));
      this.options.countBytes(content.sizeBytes);
    } catch {
      // A client that went away is no failure; anything else is one, and the connection is broken already.
      if (broken !== undefined) throw broken;
    }
  }
}

function contentRequestOf(headers: IncomingHttpHeaders): ContentRequest {
  return {
    range: headers.range,
    ifRange: headers['if-range']?.toString(),
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    ifModifiedSince: headers['if-modified-since'],
  };
}

/** From here on the connection itself tells success and failure, so the framework is left out. */
function beginAnswer(reply: FastifyReply, plan: ContentPlan): ServerResponse {
  reply.hijack();
  return reply.raw.writeHead(plan.status, {
    ...(reply.getHeaders() as Record<string, string>),
    ...plan.headers,
  });
}

/** The object may have been replaced in the bucket: that shows before a byte is sent, when its length differs. */
function assertWhole(file: FileRecord, content: ObjectContent, plan: ContentPlan): void {
  const rangeBytes = plan.range && plan.range.end - plan.range.start + 1;
  if (content.totalBytes === file.sizeBytes && content.sizeBytes === (rangeBytes ?? file.sizeBytes)) return;
  content.body.on('error', () => undefined).destroy();
  throw fileDamaged();
}
