import { checksumOf, startChecksum, type ChecksumAlgorithm, type RunningChecksum } from '../checksums.js';
import { timedBody } from '../timed-body.js';
import { chunkedForm, decodeChunks } from './aws-chunked.js';
import type { Personality } from './personalities.js';
import { S3Fault } from './s3-fault.js';
import type { S3Request } from './s3-request.js';
import type { Authentication } from './sigv4-verifier.js';

const MAX_PUT_BYTES = 5 * 1024 ** 3;

/** The additional checksums of S3 and their header names' endings. CRC64NVME is not offered. */
export const S3_CHECKSUMS = ['crc32', 'crc32c', 'sha1', 'sha256'] as const;
export type S3Checksum = (typeof S3_CHECKSUMS)[number];

/**
 * The decoded body of a request. Reading it to the end checks its length, the signed SHA-256, Content-MD5,
 * additional checksums and chunk signatures; the last read fails when one does not hold, so a store that
 * commits after the end never keeps a body that its sender did not mean.
 */
export class VerifiedBody implements AsyncIterable<Buffer> {
  readonly #request: S3Request;
  readonly #authentication: Authentication;
  readonly #personality: Personality;
  readonly #idleBodyMs: number;
  readonly #running = new Map<ChecksumAlgorithm, RunningChecksum>();
  readonly #digests = new Map<ChecksumAlgorithm, Buffer>();
  readonly #trailers = new Map<string, string>();
  receivedBytes = 0;

  constructor(
    request: S3Request,
    authentication: Authentication,
    personality: Personality,
    idleBodyMs: number,
  ) {
    this.#request = request;
    this.#authentication = authentication;
    this.#personality = personality;
    this.#idleBodyMs = idleBodyMs;
  }

  /** Hex; after the end. */
  get md5Hex(): string {
    return this.#digests.get('md5')!.toString('hex');
  }

  /** Additional checksums that the client sent and that held, base64; after the end. */
  get checksums(): Partial<Record<S3Checksum, string>> {
    const kept: Partial<Record<S3Checksum, string>> = {};
    if (this.#personality.checksumHeaders !== 'verified') return kept;
    for (const algorithm of S3_CHECKSUMS) {
      if (this.#sent(algorithm) !== undefined)
        kept[algorithm] = this.#digests.get(algorithm)!.toString('base64');
    }
    return kept;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const expectedBytes = this.#declaredLength();
    const form = chunkedForm(this.#authentication.payloadHash);
    this.#startDigests();
    const raw = timedBody(this.#request.message, this.#idleBodyMs, () => new S3Fault('RequestTimeout'));
    const source = form ? decodeChunks(raw, form, this.#authentication, this.#trailers) : raw;
    for await (const bytes of source) {
      this.receivedBytes += bytes.length;
      if (this.receivedBytes > expectedBytes) throw new S3Fault('IncompleteBody');
      for (const running of this.#running.values()) running.update(bytes);
      yield bytes;
    }
    if (this.receivedBytes !== expectedBytes) throw new S3Fault('IncompleteBody');
    for (const [algorithm, running] of this.#running) this.#digests.set(algorithm, running.digest());
    this.#assertDigests();
  }

  #declaredLength(): number {
    const { headers } = this.#request;
    const form = chunkedForm(this.#authentication.payloadHash);
    if (this.#authentication.payloadHash.startsWith('STREAMING-') && !form) {
      throw new S3Fault('InvalidRequest', {
        message: `x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING form or a valid sha256 value.`,
      });
    }
    if (form && this.#personality.awsChunked === 'refused') {
      if (headers['content-length'] === undefined) throw new S3Fault('MissingContentLength');
      throw new S3Fault('InvalidArgument', { message: 'Unsupported content encoding: aws-chunked' });
    }
    if (!form && headers['transfer-encoding']) {
      throw new S3Fault('NotImplemented', { details: { Header: 'Transfer-Encoding' } });
    }
    const declared = form ? headers['x-amz-decoded-content-length'] : headers['content-length'];
    if (declared === undefined || !/^\d+$/.test(declared)) throw new S3Fault('MissingContentLength');
    if (Number(declared) > MAX_PUT_BYTES) {
      throw new S3Fault('EntityTooLarge', {
        details: { ProposedSize: declared, MaxSizeAllowed: MAX_PUT_BYTES },
      });
    }
    return Number(declared);
  }

  #startDigests(): void {
    this.#running.set('md5', startChecksum('md5'));
    if (isSha256Hex(this.#authentication.payloadHash)) this.#running.set('sha256', startChecksum('sha256'));
    for (const algorithm of S3_CHECKSUMS) {
      const inHeader = `x-amz-checksum-${algorithm}` in this.#request.headers;
      if (inHeader || this.#announces(algorithm)) this.#running.set(algorithm, startChecksum(algorithm));
    }
  }

  #announces(algorithm: S3Checksum): boolean {
    const trailers = (this.#request.headers['x-amz-trailer'] ?? '').split(',').map((name) => name.trim());
    return trailers.includes(`x-amz-checksum-${algorithm}`);
  }

  #sent(algorithm: S3Checksum): string | undefined {
    const name = `x-amz-checksum-${algorithm}`;
    return this.#request.headers[name] ?? this.#trailers.get(name);
  }

  #assertDigests(): void {
    const { payloadHash } = this.#authentication;
    const sha256 = this.#digests.get('sha256')?.toString('hex');
    if (isSha256Hex(payloadHash) && sha256 !== payloadHash && this.#personality.signatures === 'verified') {
      throw new S3Fault('XAmzContentSHA256Mismatch', {
        details: { ClientComputedContentSHA256: payloadHash, S3ComputedContentSHA256: sha256! },
      });
    }
    this.#assertMd5();
    if (this.#personality.checksumHeaders !== 'verified') return;
    for (const algorithm of S3_CHECKSUMS) this.#assertChecksum(algorithm);
  }

  #assertMd5(): void {
    const given = this.#request.headers['content-md5'];
    if (given === undefined || this.#personality.contentMd5 === 'ignored') return;
    if (Buffer.from(given, 'base64').length !== 16)
      throw new S3Fault('InvalidDigest', { details: { 'Content-MD5': given } });
    const computed = this.#digests.get('md5')!.toString('base64');
    if (computed !== given)
      throw new S3Fault('BadDigest', { details: { ExpectedDigest: given, CalculatedDigest: computed } });
  }

  #assertChecksum(algorithm: S3Checksum): void {
    const given = this.#sent(algorithm);
    if (given === undefined) {
      if (this.#announces(algorithm)) throw new S3Fault('MalformedTrailerError');
      return;
    }
    const computed = this.#digests.get(algorithm)!;
    if (Buffer.from(given, 'base64').length !== computed.length) {
      throw new S3Fault('InvalidRequest', {
        message: `Value for x-amz-checksum-${algorithm} header is invalid.`,
      });
    }
    if (computed.toString('base64') !== given) {
      const message = `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`;
      throw new S3Fault('BadDigest', { message });
    }
  }
}

/** The checksum of a multipart object: over its parts' digests, with their number. */
export function compositeChecksum(algorithm: S3Checksum, partDigests: readonly string[]): string {
  const digests = Buffer.concat(partDigests.map((digest) => Buffer.from(digest, 'base64')));
  return `${checksumOf(algorithm, digests).toString('base64')}-${partDigests.length}`;
}

function isSha256Hex(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
