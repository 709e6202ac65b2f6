import { createHash } from 'node:crypto';
import { ByteReader } from './byte-reader.js';
import { S3Fault } from './s3-fault.js';
import { sha256Hex } from '../canonical-request.js';
import { EMPTY_SHA256, hmacHex, scopeText } from './signing.js';
import type { Authentication } from './sigv4-verifier.js';

const MAX_LINE_BYTES = 16 * 1024;
const MAX_TRAILERS = 16;
const MIN_CHUNK_BYTES = 8192;

/** What a payload form promises: signatures on each chunk, checksums after the last one. */
export interface ChunkedForm {
  readonly signed: boolean;
  readonly trailer: boolean;
}

const FORMS: Readonly<Record<string, ChunkedForm>> = {
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { signed: true, trailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { signed: true, trailer: true },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { signed: false, trailer: true },
};

export function chunkedForm(payloadHash: string): ChunkedForm | undefined {
  return FORMS[payloadHash];
}

/**
 * Takes the aws-chunked framing off a body and checks each chunk's and the trailer's signature
 * ("Signature calculations: transferring payload in multiple chunks", SigV4 of S3).
 * @param trailers filled with the trailing headers once the last chunk was read
 */
export async function* decodeChunks(
  source: AsyncIterable<Buffer>,
  form: ChunkedForm,
  authentication: Authentication,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  const reader = new ByteReader(source);
  let previousSignature = authentication.signature;
  let previousSize = MIN_CHUNK_BYTES;
  for (;;) {
    const { size, signature } = readHeader(await reader.line(MAX_LINE_BYTES));
    if (size > 0 && previousSize < MIN_CHUNK_BYTES) throw new S3Fault('InvalidChunkSizeError');
    const hash = createHash('sha256');
    for await (const bytes of readData(reader, size)) {
      hash.update(bytes);
      yield bytes;
    }
    if (form.signed) {
      assertChunkSignature(authentication, previousSignature, hash.digest('hex'), signature);
      previousSignature = signature ?? '';
    }
    if (size === 0) break;
    if ((await reader.line(2)) !== '') throw new S3Fault('IncompleteBody');
    previousSize = size;
  }
  await readTrailers(reader, form, trailers);
  if (form.signed && form.trailer) assertTrailerSignature(authentication, previousSignature, trailers);
}

function readHeader(line: string | undefined): { size: number; signature: string | undefined } {
  const match = /^([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line ?? '');
  if (!match) throw new S3Fault('IncompleteBody', { message: 'The request body terminated unexpectedly' });
  return { size: parseInt(match[1]!, 16), signature: match[2] };
}

async function* readData(reader: ByteReader, size: number): AsyncGenerator<Buffer> {
  for (let left = size; left > 0;) {
    const bytes = await reader.some(left);
    if (!bytes) throw new S3Fault('IncompleteBody');
    left -= bytes.length;
    yield bytes;
  }
}

async function readTrailers(
  reader: ByteReader,
  form: ChunkedForm,
  trailers: Map<string, string>,
): Promise<void> {
  for (let count = 0; count <= MAX_TRAILERS; count += 1) {
    const line = await reader.line(MAX_LINE_BYTES);
    if (line === undefined && form.trailer) throw new S3Fault('MalformedTrailerError');
    if (!line) return;
    const colon = line.indexOf(':');
    if (colon < 1 || !form.trailer) throw new S3Fault('MalformedTrailerError');
    trailers.set(line.slice(0, colon).toLowerCase().trim(), line.slice(colon + 1).trim());
  }
  throw new S3Fault('MalformedTrailerError');
}

function assertChunkSignature(
  { signingKey, timestamp, scope }: Authentication,
  previous: string,
  dataSha256: string,
  given: string | undefined,
): void {
  const text = [
    'AWS4-HMAC-SHA256-PAYLOAD',
    timestamp,
    scopeText(scope),
    previous,
    EMPTY_SHA256,
    dataSha256,
  ].join('\n');
  if (hmacHex(signingKey, text) !== given) throw new S3Fault('SignatureDoesNotMatch');
}

function assertTrailerSignature(
  { signingKey, timestamp, scope }: Authentication,
  previous: string,
  trailers: ReadonlyMap<string, string>,
): void {
  const headers = [...trailers]
    .filter(([name]) => name !== 'x-amz-trailer-signature')
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`)
    .join('');
  const text = ['AWS4-HMAC-SHA256-TRAILER', timestamp, scopeText(scope), previous, sha256Hex(headers)].join(
    '\n',
  );
  if (hmacHex(signingKey, text) !== trailers.get('x-amz-trailer-signature'))
    throw new S3Fault('SignatureDoesNotMatch');
}
