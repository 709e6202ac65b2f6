import { randomBytes } from 'node:crypto';
import type { Segment } from '../body-store.js';
import { startChecksum } from '../checksums.js';
import type { DoubleAnswer } from '../double-server.js';
import {
  assertDigests,
  assertWritable,
  headerDigests,
  type ExpectedDigests,
  type GcsCall,
  type Preconditions,
} from './gcs-call.js';
import { GcsFault, gcsFaults, jsonAnswer } from './gcs-fault.js';
import type { GcsObject, NewObject } from './gcs-store.js';
import { objectResource } from './object-resource.js';
import type { Caller } from './gcs-authentication.js';

const BLOCK_BYTES = 256 * 1024;

interface Session {
  readonly object: Pick<NewObject, 'bucket' | 'name' | 'contentType' | 'metadata' | 'headers'>;
  readonly conditions: Preconditions;
  readonly expected: ExpectedDigests;
  readonly caller: Caller;
  readonly segments: Segment[];
  readonly md5: ReturnType<typeof startChecksum>;
  readonly crc32c: ReturnType<typeof startChecksum>;
  receivedBytes: number;
  finished: GcsObject | undefined;
}

interface ContentRange {
  /** Undefined asks how far the upload is. */
  readonly start: number | undefined;
  readonly end: number | undefined;
  readonly total: number | undefined;
}

/** Resumable uploads: bytes arrive in order over many requests; whole blocks of 256 KiB survive a broken one. */
export class ResumableSessions {
  readonly #sessions = new Map<string, Session>();

  open(session: Pick<Session, 'object' | 'conditions' | 'expected' | 'caller'>): string {
    const uploadId = randomBytes(48).toString('base64url');
    this.#sessions.set(uploadId, {
      ...session,
      segments: [],
      md5: startChecksum('md5'),
      crc32c: startChecksum('crc32c'),
      receivedBytes: 0,
      finished: undefined,
    });
    return uploadId;
  }

  get size(): number {
    return this.#sessions.size;
  }

  cancel(uploadId: string): DoubleAnswer {
    this.#find(uploadId);
    this.#sessions.delete(uploadId);
    return { status: 499 };
  }

  async receive(call: GcsCall, uploadId: string): Promise<DoubleAnswer> {
    const session = this.#find(uploadId);
    const range = parseContentRange(call.request.headers['content-range']);
    if (!session.finished && range.start !== undefined) await append(call, session, range);
    if (!session.finished && isComplete(session, range)) {
      // A refused upload is over: its session cannot be used to try again.
      this.#sessions.delete(uploadId);
      session.finished = finish(call, session);
      this.#sessions.set(uploadId, session);
    }
    if (session.finished) return jsonAnswer(objectResource(session.finished, call.origin));
    const received: Record<string, string> =
      session.receivedBytes > 0 ? { range: `bytes=0-${session.receivedBytes - 1}` } : {};
    return { status: 308, headers: { ...received, 'x-guploader-uploadid': uploadId } };
  }

  #find(uploadId: string): Session {
    const session = this.#sessions.get(uploadId);
    if (!session) throw new GcsFault(404, 'notFound', 'Not Found', { code: 'NoSuchUpload' });
    return session;
  }
}

async function append(call: GcsCall, session: Session, range: ContentRange): Promise<void> {
  if (range.start! > session.receivedBytes) {
    throw gcsFaults.invalid(
      `Invalid request.  According to the Content-Range header, the upload offset is ${range.start} byte(s), which exceeds already uploaded size of ${session.receivedBytes} byte(s).`,
    );
  }
  const isLast = range.end === undefined || range.end + 1 === range.total;
  const skip = session.receivedBytes - range.start!;
  const { bodies } = call.store;
  const segment = await bodies.write(digest(session, kept(call.body, skip, isLast)));
  session.segments.push(segment);
  session.receivedBytes += segment.sizeBytes;
  const asked = range.end === undefined ? undefined : range.end - range.start! + 1;
  if (!isLast && asked !== undefined && asked < BLOCK_BYTES) {
    throw gcsFaults.invalid(
      "Invalid request.  The number of bytes uploaded is required to be equal or greater than 262144, except for the final request (it's recommended to be the exact multiple of 262144).",
    );
  }
}

/** What survives of a request: all of the last one, whole blocks of the others and of broken ones. */
async function* kept(
  source: AsyncIterable<Buffer>,
  skipBytes: number,
  isLast: boolean,
): AsyncGenerator<Buffer> {
  let pending = Buffer.alloc(0);
  let skip = skipBytes;
  try {
    for await (const chunk of source) {
      const fresh = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - fresh.length;
      pending = Buffer.concat([pending, fresh]);
      const whole = pending.length - (pending.length % BLOCK_BYTES);
      if (whole === 0) continue;
      yield pending.subarray(0, whole);
      pending = pending.subarray(whole);
    }
  } catch {
    return;
  }
  if (isLast && pending.length > 0) yield pending;
}

async function* digest(session: Session, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    session.md5.update(chunk);
    session.crc32c.update(chunk);
    yield chunk;
  }
}

function isComplete(session: Session, range: ContentRange): boolean {
  if (range.total !== undefined) return session.receivedBytes === range.total;
  return range.start !== undefined && range.end === undefined;
}

function finish(call: GcsCall, session: Session): GcsObject {
  const digests = { md5: session.md5.digest(), crc32c: session.crc32c.digest() };
  assertDigests({ ...session.expected, ...withoutUndefined(headerDigests(call.request)) }, digests);
  assertWritable(
    { ...call, caller: session.caller },
    session.object.bucket,
    session.object.name,
    session.conditions,
  );
  return call.store.put({
    ...session.object,
    sizeBytes: session.receivedBytes,
    md5Hash: digests.md5.toString('base64'),
    crc32c: digests.crc32c.toString('base64'),
    createdAtMs: call.nowMs,
    segments: session.segments,
  });
}

function parseContentRange(header: string | undefined): ContentRange {
  // Without a header the one request carries everything.
  if (header === undefined) return { start: 0, end: undefined, total: undefined };
  const match = /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/.exec(header);
  if (!match) throw gcsFaults.invalid(`Failed to parse Content-Range header.`);
  const number = (text: string | undefined) =>
    text === undefined || text === '*' ? undefined : Number(text);
  return { start: number(match[1]), end: number(match[2]), total: number(match[3]) };
}

function withoutUndefined(digests: ExpectedDigests): ExpectedDigests {
  return Object.fromEntries(Object.entries(digests).filter(([, value]) => value !== undefined));
}
