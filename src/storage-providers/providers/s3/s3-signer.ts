import aws4 from 'aws4';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Tells the provider not to compare the body with a hash; TLS or a checksum header guards it instead. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

/** The longest life of a signed URL that the S3 family grants: seven days. */
export const MAX_SIGNED_SECONDS = 7 * 24 * 3600;

export interface SignableRequest {
  readonly method: string;
  /** Percent-encoded, with its query if any. */
  readonly path: string;
  /** Lower-case names, without `host`. All are signed. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * AWS Signature Version 4 for one bucket's host. aws4 keeps the derived key of a day, so that a signature costs
 * two hashes (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html).
 */
export class S3Signer {
  constructor(
    private readonly credentials: S3Credentials,
    private readonly region: string,
    private readonly host: string,
    private readonly now: () => number,
  ) {}

  /** The headers to send: the given ones and those that sign them, all in lower case. */
  sign({ method, path, headers }: SignableRequest, payloadHash: string): Record<string, string> {
    const signed: Record<string, string> = {
      host: this.host,
      ...headers,
      'x-amz-content-sha256': payloadHash,
      'x-amz-date': amzDate(this.now()),
    };
    const signer = new aws4.RequestSigner(this.requestOf(method, path, signed), this.credentials);
    signer.prepareRequest();
    signed.authorization = signer.authHeader();
    return signed;
  }

  /** Path and query of a URL that carries its signature; `headers` must be sent with it exactly. */
  presign({ method, path, headers }: SignableRequest, expiresInSeconds: number): string {
    const signed = { host: this.host, ...headers };
    const dated = `X-Amz-Expires=${expiresInSeconds}&X-Amz-Date=${amzDate(this.now())}`;
    const withQuery = `${path}${path.includes('?') ? '&' : '?'}${dated}`;
    const request = { ...this.requestOf(method, withQuery, signed), signQuery: true };
    return aws4.sign(request, this.credentials).path ?? '';
  }

  private requestOf(method: string, path: string, headers: Record<string, string>): aws4.Request {
    return { service: 's3', region: this.region, host: this.host, method, path, headers };
  }
}

/** `20261122T063012Z`. */
function amzDate(nowMs: number): string {
  const iso = new Date(nowMs).toISOString();
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`;
}
