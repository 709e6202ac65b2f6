import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
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
 * AWS Signature Version 4 for one bucket's host
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html).
 */
export class S3Signer {
  private readonly keys: DailyKeys;
  private lastSecond = -1;
  private lastDate = '';

  constructor(
    private readonly credentials: S3Credentials,
    private readonly region: string,
    private readonly host: string,
    private readonly now: () => number,
  ) {
    this.keys = new DailyKeys(credentials.secretAccessKey, region);
  }

  /** The headers to send: the given ones and those that sign them, all in lower case. */
  sign({ method, path, headers }: SignableRequest, payloadHash: string): Record<string, string> {
    const signed: Record<string, string> = {
      host: this.host,
      ...headers,
      'x-amz-content-sha256': payloadHash,
      'x-amz-date': this.amzDate(),
    };
    const signer = new KeyedSigner(this.requestOf(method, path, signed), this.credentials, this.keys);
    signer.prepareRequest();
    signed.authorization = signer.authHeader();
    return signed;
  }

  /** Path and query of a URL that carries its signature; `headers` must be sent with it exactly. */
  presign({ method, path, headers }: SignableRequest, expiresInSeconds: number): string {
    const dated = `X-Amz-Expires=${expiresInSeconds}&X-Amz-Date=${this.amzDate()}`;
    const withQuery = `${path}${path.includes('?') ? '&' : '?'}${dated}`;
    const request = this.requestOf(method, withQuery, { host: this.host, ...headers });
    const signer = new KeyedSigner({ ...request, signQuery: true }, this.credentials, this.keys);
    return signer.sign().path ?? '';
  }

  private requestOf(method: string, path: string, headers: Record<string, string>): aws4.Request {
    return { service: 's3', region: this.region, host: this.host, method, path, headers };
  }

  /** `20261122T063012Z`, written once a second. */
  private amzDate(): string {
    const second = Math.floor(this.now() / 1_000);
    if (second !== this.lastSecond) {
      const iso = new Date(second * 1_000).toISOString();
      this.lastDate = iso.replace(/[-:]|\.\d{3}/g, '');
      this.lastSecond = second;
    }
    return this.lastDate;
  }
}

/** Node makes an HMAC seven times faster from a KeyObject than from the bytes that aws4 would keep. */
class KeyedSigner extends aws4.RequestSigner {
  constructor(
    request: aws4.Request,
    credentials: S3Credentials,
    private readonly keys: DailyKeys,
  ) {
    super(request, credentials);
  }

  override signature(): string {
    return createHmac('sha256', this.keys.of(this.getDate()))
      .update(this.stringToSign(), 'utf8')
      .digest('hex');
  }
}

/** The derived key of the current day. */
class DailyKeys {
  private date = '';
  private key: KeyObject | undefined;

  constructor(
    private readonly secret: string,
    private readonly region: string,
  ) {}

  of(date: string): KeyObject {
    if (this.key === undefined || date !== this.date) {
      const steps = [date, this.region, 's3', 'aws4_request'];
      const start = Buffer.from(`AWS4${this.secret}`);
      const derived = steps.reduce((key, step) => createHmac('sha256', key).update(step).digest(), start);
      this.key = createSecretKey(derived);
      this.date = date;
    }
    return this.key;
  }
}
