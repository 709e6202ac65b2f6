import { createHash } from 'node:crypto';
import type { MessageHead } from '../http-messages.ts';

/** One S3 request as the sink sees it: signatures are not looked at. */
export interface SinkRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: ReadonlyMap<string, string>;
  /** Length of the payload, without the framing of aws-chunked. */
  readonly sizeBytes: number;
  readonly body?: Buffer;
}

const NO_QUERY = new URLSearchParams();

/** What the request is, apart from its body: path style only. */
export function parseTarget(head: MessageHead): Pick<SinkRequest, 'method' | 'bucket' | 'key' | 'query'> {
  const [method = '', target = ''] = head.startLine.split(' ');
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const slash = path.indexOf('/', 1);
  return {
    method,
    bucket: slash < 0 ? path.slice(1) : path.slice(1, slash),
    key: slash < 0 ? '' : decodeURIComponent(path.slice(slash + 1)),
    query: question < 0 ? NO_QUERY : new URLSearchParams(target.slice(question + 1)),
  };
}

/** Takes the chunk headers and trailers of aws-chunked out of a body. */
export function decodePayload(body: Buffer, headers: ReadonlyMap<string, string>): Buffer {
  if (!headers.get('x-amz-content-sha256')?.startsWith('STREAMING-')) return body;
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at);
    const length = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || !(length > 0)) return Buffer.concat(pieces);
    pieces.push(body.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
}

/** The S3 error code when the body is not what the headers promise, as far as they promise anything. */
export function brokenPromise(body: Buffer, headers: ReadonlyMap<string, string>): string | undefined {
  const md5 = headers.get('content-md5');
  if (md5 && md5 !== createHash('md5').update(body).digest('base64')) return 'BadDigest';
  const sha256 = headers.get('x-amz-content-sha256') ?? '';
  if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  return sha256 === createHash('sha256').update(body).digest('hex') ? undefined : 'XAmzContentSHA256Mismatch';
}
