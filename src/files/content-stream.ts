import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply } from 'fastify';
import type { ByteRange, GetOptions, ObjectContent } from '../storage-providers/storage-provider.js';
import type { ContentPlan } from './content-headers.js';
import { fileDamaged, rangeNotSatisfiable } from './file-errors.js';
import { VerifiedBody } from './verified-body.js';

/** Where the bytes come from, and how they can be told from wrong ones. */
export interface ContentSource {
  readonly sizeBytes: number;
  /** Of the whole; a range can be checked for its length only. */
  readonly crc32: number | undefined;
  open(options: GetOptions): Promise<ObjectContent>;
}

/**
 * Answers a request for content as planned.
 * @returns how many bytes of content were sent; 0 also for a client that went away
 * @throws FilesError `range_not_satisfiable`, `file_damaged`, StorageError; after the headers were sent, the
 *   connection is broken then and the error is only to be noted
 */
export async function sendContent(
  reply: FastifyReply,
  plan: ContentPlan,
  source: ContentSource,
): Promise<number> {
  const { status, range } = plan;
  if (status === 416) {
    void reply.headers(plan.headers);
    throw rangeNotSatisfiable(source.sizeBytes);
  }
  if (status === 304 || reply.request.method === 'HEAD') {
    beginAnswer(reply, plan).end();
    return 0;
  }
  const clientGone = new AbortController();
  reply.raw.once('close', () => clientGone.abort());
  const content = await source.open({ range, signal: clientGone.signal });
  assertWhole(source, content, range);
  const crc32 = range === undefined ? source.crc32 : undefined;
  return stream(content, crc32, () => beginAnswer(reply, plan), clientGone.signal);
}

async function stream(
  content: ObjectContent,
  crc32: number | undefined,
  begin: () => ServerResponse,
  clientGone: AbortSignal,
): Promise<number> {
  const verified = new VerifiedBody({ sizeBytes: content.sizeBytes, crc32 });
  let broken: Error | undefined;
  const noteBreak = (error: Error) => {
    if (!clientGone.aborted) broken ??= error;
  };
  content.body.once('error', noteBreak);
  verified.once('error', noteBreak);
  try {
    await pipeline(content.body, verified, begin());
    return content.sizeBytes;
  } catch {
    // A client that went away is no failure; anything else is one, and the connection is broken already.
    if (broken !== undefined) throw broken;
    return 0;
  }
}

/** From here on the connection itself tells success and failure, so the framework is left out. */
function beginAnswer(reply: FastifyReply, plan: ContentPlan): ServerResponse {
  reply.hijack();
  const headers = { ...(reply.getHeaders() as Record<string, string>), ...plan.headers };
  return reply.raw.writeHead(plan.status, headers);
}

/** The object may have been replaced in the bucket: that shows before a byte is sent, when its length differs. */
function assertWhole(source: ContentSource, content: ObjectContent, range: ByteRange | undefined): void {
  const wantedBytes = range === undefined ? source.sizeBytes : range.end - range.start + 1;
  if (content.totalBytes === source.sizeBytes && content.sizeBytes === wantedBytes) return;
  content.body.on('error', () => undefined).destroy();
  throw fileDamaged();
}
