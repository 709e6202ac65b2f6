import { parameter, type RawRequest } from '../raw-request.js';
import { startChecksum } from '../checksums.js';
import { tear } from '../body-store.js';
import { assertPermitted, type Caller } from './gcs-authentication.js';
import { GcsFault, gcsFaults } from './gcs-fault.js';
import type { GcsObject, GcsStore, NewObject } from './gcs-store.js';
import type { ResumableSessions } from './resumable-sessions.js';

/** Everything that an operation of the double needs. */
export interface GcsCall {
  readonly request: RawRequest;
  readonly caller: Caller;
  readonly store: GcsStore;
  readonly sessions: ResumableSessions;
  readonly nowMs: number;
  /** `http://127.0.0.1:<port>`, for links and session URLs. */
  readonly origin: string;
  readonly bucket: string;
  readonly name: string;
  readonly body: AsyncIterable<Buffer>;
  readonly minPartBytes: number;
  /** Set for a torn write. */
  readonly keepBytes: number | undefined;
}

/** Digests that the sender promises, base64. */
export interface ExpectedDigests {
  readonly md5?: string;
  readonly crc32c?: string;
}

/** `ifGenerationMatch` and its kin, from parameters (JSON API) or headers (XML API). */
export interface Preconditions {
  readonly generationMatch: string | undefined;
  readonly generationNotMatch: string | undefined;
  readonly metagenerationMatch: string | undefined;
}

const MAX_DOCUMENT_BYTES = 2 * 1024 * 1024;
const MAX_NAME_BYTES = 1024;

export function assertBucket(call: GcsCall): void {
  if (!call.store.hasBucket(call.bucket)) throw gcsFaults.noBucket();
}

/** Google's rules for object names. */
export function assertObjectName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (name === '') throw gcsFaults.invalid('Required parameter: name', 'InvalidURI');
  if (bytes > MAX_NAME_BYTES) {
    throw gcsFaults.invalid(
      `The maximum object length is 1024 characters, but got a name with ${bytes} characters: '${name.slice(0, 64)}...'`,
      'KeyTooLong',
    );
  }
  if (
    name === '.' ||
    name === '..' ||
    /[\r\n]/.test(name) ||
    name.startsWith('.well-known/acme-challenge/')
  ) {
    throw gcsFaults.invalid('Disallowed unicode characters present in object name', 'InvalidURI');
  }
}

export function preconditionsOf(request: RawRequest): Preconditions {
  return {
    generationMatch: parameter(request, 'ifGenerationMatch') ?? request.headers['x-goog-if-generation-match'],
    generationNotMatch: parameter(request, 'ifGenerationNotMatch'),
    metagenerationMatch:
      parameter(request, 'ifMetagenerationMatch') ?? request.headers['x-goog-if-metageneration-match'],
  };
}

/** Call it in the same turn as the change that it guards. Generation 0 stands for "no such object". */
export function assertPreconditions(wanted: Preconditions, current: GcsObject | undefined): void {
  const generation = current?.generation ?? '0';
  if (wanted.generationMatch !== undefined && wanted.generationMatch !== generation)
    throw gcsFaults.precondition();
  if (wanted.generationNotMatch !== undefined && wanted.generationNotMatch === generation)
    throw gcsFaults.precondition();
  const { metagenerationMatch } = wanted;
  if (metagenerationMatch !== undefined && metagenerationMatch !== current?.metageneration)
    throw gcsFaults.precondition();
}

/** Digests in the headers `Content-MD5` and `x-goog-hash: crc32c=...,md5=...`. */
export function headerDigests(request: RawRequest): ExpectedDigests {
  const hashes = (request.headers['x-goog-hash'] ?? '').split(',').map((part) => part.trim());
  const hash = (name: string) => hashes.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
  return { md5: request.headers['content-md5'] ?? hash('md5'), crc32c: hash('crc32c') };
}

export function assertDigests(expected: ExpectedDigests, actual: { md5: Buffer; crc32c: Buffer }): void {
  const named = { md5: 'MD5 hash', crc32c: 'CRC32C' } as const;
  for (const algorithm of ['md5', 'crc32c'] as const) {
    const given = expected[algorithm];
    const computed = actual[algorithm].toString('base64');
    if (given === undefined) continue;
    if (Buffer.from(given, 'base64').length !== actual[algorithm].length) {
      throw gcsFaults.invalid(`Invalid ${named[algorithm]} "${given}".`, 'InvalidDigest');
    }
    if (given !== computed) throw gcsFaults.badDigest(named[algorithm], given, computed);
  }
}

/** Stores a whole body as an object, or nothing at all. */
export async function createObject(
  call: GcsCall,
  object: Pick<NewObject, 'bucket' | 'name' | 'contentType' | 'metadata' | 'headers'>,
  source: AsyncIterable<Buffer>,
  expected: ExpectedDigests,
  conditions: Preconditions,
): Promise<GcsObject> {
  const { bodies } = call.store;
  const md5 = startChecksum('md5');
  const crc32c = startChecksum('crc32c');
  async function* digested() {
    for await (const chunk of source) {
      md5.update(chunk);
      crc32c.update(chunk);
      yield chunk;
    }
  }
  const segment = await tear(bodies, await bodies.write(digested()), call.keepBytes);
  const digests = { md5: md5.digest(), crc32c: crc32c.digest() };
  try {
    assertDigests(expected, digests);
    assertWritable(call, object.bucket, object.name, conditions);
  } catch (error) {
    await bodies.remove(segment);
    throw error;
  }
  return call.store.put({
    ...object,
    sizeBytes: segment.sizeBytes,
    md5Hash: digests.md5.toString('base64'),
    crc32c: digests.crc32c.toString('base64'),
    createdAtMs: call.nowMs,
    segments: [segment],
  });
}

/** Preconditions, and the permission to delete that overwriting takes. */
export function assertWritable(call: GcsCall, bucket: string, name: string, conditions: Preconditions): void {
  const current = call.store.find(bucket, name);
  assertPreconditions(conditions, current);
  if (current) assertPermitted(call.caller, 'storage.objects.delete');
}

export async function readDocument(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_DOCUMENT_BYTES) throw gcsFaults.invalid('Request payload is too large.');
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function readJsonDocument(text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Answered below.
  }
  throw new GcsFault(400, 'parseError', 'Parse Error', { code: 'InvalidArgument' });
}
