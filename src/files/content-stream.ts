import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { GetOptions, ObjectContent } from '../storage-providers/storage-provider.js';
import type { ContentPlan } from './content-headers.js';
import { fileDamaged, rangeNotSatisfiable } from './file-errors.js';
import { sendBody } from './send-body.js';
import { LENT_FROM_BYTES } from './upload-limits.js';

/** Where the bytes come from, and how they can be told from wrong ones. */
export interface ContentSource {
  readonly sizeBytes: number;
  /** Of the whole; a range can be checked for its length only. */
  readonly crc32: number | undefined;
  open(options: GetOptions): Promise<ObjectContent>;
  /** Asked when the content is at hand, before its first byte is sent; when it rejects, nothing is sent. */
  admit?(plan: ContentPlan): Promise<void>;
}

/**
 * Answers a request for content as planned.
 * @returns how many bytes of content were sent; 0 also for a client that went away
 * @throws FilesError `range_not_satisfiable`, `file_damaged`, StorageError, and what `admit` throws; after the headers were sent, the
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
  const wantedBytes = range === undefined ? source.sizeBytes : range.end - range.start + 1;
  const lend = wantedBytes >= LENT_FROM_BYTES;
  const content = await source.open({ range, lend, signal: clientGone.signal });
  assertWhole(source, content, wantedBytes);
  const { body, sizeBytes } = content;
  if (source.admit !== undefined) await whileUnread(body, source.admit(plan));
  if (clientGone.signal.aborted) {
    discard(body);
    return 0;
  }
  if (body.errored) throw body.errored;
  const crc32 = range === undefined ? source.crc32 : undefined;
  const isSent = await sendBody(body, { sizeBytes, crc32 }, beginAnswer(reply, plan));
  return isSent ? sizeBytes : 0;
}

/** The body may fail meanwhile, and is not read at all when what is waited for rejects. */
async function whileUnread(body: Readable, waiting: Promise<void>): Promise<void> {
  body.on('error', () => undefined);
  try {
    await waiting;
  } catch (error) {
    discard(body);
    throw error;
  }
}

function discard(body: Readable): void {
  body.on('error', () => undefined).destroy();
}

/** From here on the connection itself tells success and failure, so the framework is left out. */
function beginAnswer(reply: FastifyReply, plan: ContentPlan): ServerResponse {
  reply.hijack();
  const headers = { ...(reply.getHeaders() as Record<string, string>), ...plan.headers };
  return reply.raw.writeHead(plan.status, headers);
}

/** The object may have been replaced in the bucket: that shows before a byte is sent, when its length differs. */
function assertWhole(source: ContentSource, content: ObjectContent, wantedBytes: number): void {
  if (content.totalBytes === source.sizeBytes && content.sizeBytes === wantedBytes) return;
  discard(content.body);
  throw fileDamaged();
}
