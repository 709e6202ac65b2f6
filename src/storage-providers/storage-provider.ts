import type { Readable } from 'node:stream';
import type { CorsAdvice } from './cors-advice.js';

/*
 * Terminology
 *   provider        a strategy: knows one kind of store, its settings and how to connect (stateless)
 *   object storage  an opened provider: one bucket with one set of credentials, connections kept alive
 *   capability      something that not every object storage can do: an optional member, never a throwing stub
 */

export const PROVIDER_NAMES = [
  'aws_s3',
  'google_gcs',
  'azure_blob',
  'backblaze_b2',
  'cloudflare_r2',
  'digitalocean_spaces',
  's3_compatible',
  'local_disk',
] as const;

export type ProviderName = (typeof PROVIDER_NAMES)[number];

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Bytes to store. A stream is read once, so only a buffer can be retried. */
export type ObjectBody = Uint8Array | Readable;

export interface PutOptions extends CallOptions {
  /** The exact length. A body that is shorter or longer fails with `integrity` and stores nothing. */
  readonly sizeBytes: number;
  readonly contentType?: string;
  /** Fail with `conflict` when the key exists. Only where `capabilities.createOnly`; otherwise ignored. */
  readonly createOnly?: boolean;
  /** MD5 of the body (16 bytes) when it is known beforehand; the provider then refuses other bytes. */
  readonly md5?: Uint8Array;
  /** SHA-256 of the body (32 bytes), bound where `capabilities.contentBound` is `sha256`. */
  readonly sha256?: Uint8Array;
}

/** What the provider acknowledged. `etag` is opaque, without quotes. */
export interface StoredObject {
  readonly etag: string;
}

export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly lastModified: Date;
}

export interface ObjectHead extends ObjectInfo {
  readonly contentType: string | undefined;
}

/** First and last byte, both inclusive, as in HTTP. `end` past the object is cut to its last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface GetOptions extends CallOptions {
  readonly range?: ByteRange;
  /** Asks for a LendingBody, where there is one: for large content that is only passed on. */
  readonly lend?: boolean;
  /** The caller keeps the whole content in memory anyway: a provider may hand it over in one piece. */
  readonly inOnePiece?: boolean;
}

export interface ObjectContent {
  /** Exactly `sizeBytes` bytes or an error event; never a silent short body. */
  readonly body: Readable;
  /** Length of `body` (of the range when one was asked). */
  readonly sizeBytes: number;
  /** Length of the whole object. */
  readonly totalBytes: number;
  readonly etag: string;
  readonly contentType: string | undefined;
  readonly lastModified: Date;
}

export interface ListOptions extends CallOptions {
  readonly prefix: string;
  readonly cursor?: string;
  /** At most 1,000. */
  readonly limit?: number;
}

/** One page in ascending UTF-8 byte order of keys; read whole listings with `strictList` only. */
export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** Present if and only if there is more. */
  readonly nextCursor?: string;
}

export interface UploadedPart {
  /** From 1. */
  readonly partNumber: number;
  readonly etag: string;
  readonly sizeBytes: number;
}

export interface UnfinishedUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly startedAt: Date;
}

/** Large objects in parts. All parts but the last have the same size (Cloudflare R2 insists). */
export interface MultipartUploads {
  readonly minPartBytes: number;
  readonly maxPartBytes: number;
  readonly maxParts: number;
  create(
    key: string,
    options: { readonly contentType?: string } & CallOptions,
  ): Promise<{ uploadId: string }>;
  uploadPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: ObjectBody,
    options: { readonly sizeBytes: number; readonly md5?: Uint8Array } & CallOptions,
  ): Promise<UploadedPart>;
  /** Nothing is visible under `key` before this succeeds. */
  complete(
    key: string,
    uploadId: string,
    parts: readonly UploadedPart[],
    options: { readonly createOnly?: boolean; readonly contentType?: string } & CallOptions,
  ): Promise<StoredObject>;
  /** Idempotent: an unknown upload is no error. */
  abort(key: string, uploadId: string, options?: CallOptions): Promise<void>;
  /**
   * All parts that have arrived, in order; of a part that was sent twice the last. Rejects with `object_not_found` for
   * an unknown or ended upload, except on Azure, which knows of an upload by its parts only and answers none.
   */
  listParts(key: string, uploadId: string, options?: CallOptions): Promise<readonly UploadedPart[]>;
  /** All unfinished uploads below a prefix. Absent where a provider cannot tell. */
  listUnfinished?(prefix: string, options?: CallOptions): Promise<readonly UnfinishedUpload[]>;
}

export interface CopyOptions extends CallOptions {
  /** Length of the source; where it has another one, `integrity`, and nothing is left. */
  readonly sizeBytes: number;
  /** SHA-256 that the content should have (32 bytes), if somebody knows it: compared where the provider can. */
  readonly sha256?: Uint8Array;
  /** Fail with `conflict` when the key exists; a key that is written at the same moment may be missed. */
  readonly createOnly?: boolean;
}

export interface CopiedObject extends StoredObject {
  /**
   * What tells that the copy has the source's content: its SHA-256 is the one that was given; a digest of the provider's is
   * the same for both; or only their lengths are.
   */
  readonly proof: 'sha256' | 'digest' | 'length';
}

export interface PartToCopy {
  readonly uploadId: string;
  /** From 1. */
  readonly partNumber: number;
  /** Of the source. */
  readonly range: ByteRange;
  /** ETag of the source: another content is not copied. */
  readonly sourceEtag: string;
}

/** Copies within the bucket: no byte passes through here. The content type goes with the content. */
export interface ObjectCopies {
  /** The largest `sizeBytes` that one `copy` takes; more needs `copyPart`. */
  readonly maxCopyBytes: number;
  /** May be repeated. Rejects with `object_not_found` when there is no source. */
  copy(fromKey: string, toKey: string, options: CopyOptions): Promise<CopiedObject>;
  /** A range of an object as a part of the multipart upload of `toKey`. */
  copyPart?(fromKey: string, toKey: string, part: PartToCopy, options?: CallOptions): Promise<UploadedPart>;
}

export interface SignGetOptions {
  readonly expiresInSeconds: number;
  readonly contentDisposition?: string;
  readonly contentType?: string;
  /** How long the object is, if the caller knows: only for the count of what was given out. */
  readonly objectBytes?: number;
}

export interface SignPutOptions {
  readonly expiresInSeconds: number;
  readonly sizeBytes: number;
  readonly createOnly?: boolean;
  readonly md5?: Uint8Array;
  readonly sha256?: Uint8Array;
}

export interface SignPartOptions {
  readonly expiresInSeconds: number;
  /** From 1. */
  readonly partNumber: number;
  readonly sizeBytes: number;
  /**
   * MD5 of the part (16 bytes). It is part of the signature, except on Azure. There is no SHA-256: the S3 family takes
   * one of a part only in uploads that were begun with it.
   */
  readonly md5?: Uint8Array;
}

/** A URL that does one thing to one key until it expires. `headers` must be sent exactly. */
export interface SignedRequest {
  readonly method: 'GET' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
}

export interface SignedUrls {
  signGet(key: string, options: SignGetOptions): Promise<SignedRequest>;
  signPut(key: string, options: SignPutOptions): Promise<SignedRequest>;
  /** For one part of a multipart upload; the provider answers its ETag. Absent where there is no `multipart`. */
  signPart?(key: string, uploadId: string, options: SignPartOptions): Promise<SignedRequest>;
}

/**
 * What this bucket honours. The strategy states what its provider promises; the connection test probes it,
 * and what was found is stored with the configuration and passed back at the next connect.
 */
export interface StorageCapabilities {
  readonly createOnly: boolean;
  /** Which digest a signed PUT can bind the content to. */
  readonly contentBound: 'sha256' | 'md5' | 'none';
}

/**
 * An opened provider. Keys are relative to the bucket (see wrappers/prefixed.ts for a sub-tree) and valid by
 * `assertObjectKey`. Every method rejects with a StorageError and with nothing else.
 */
export interface ObjectStorage {
  readonly provider: ProviderName;
  readonly capabilities: StorageCapabilities;
  /** The largest `sizeBytes` that one `put` accepts; more needs `multipart`. */
  readonly maxPutBytes: number;
  put(key: string, body: ObjectBody, options: PutOptions): Promise<StoredObject>;
  get(key: string, options?: GetOptions): Promise<ObjectContent>;
  head(key: string, options?: CallOptions): Promise<ObjectHead>;
  /** Idempotent: an absent key is no error. */
  delete(key: string, options?: CallOptions): Promise<void>;
  listPage(options: ListOptions): Promise<ListPage>;
  /** A name for humans and for `cloud_files.cloud_url`, e.g. `s3://bucket/key`. Never signed. */
  urlOf(key: string): string;
  readonly multipart?: MultipartUploads;
  readonly copies?: ObjectCopies;
  readonly signedUrls?: SignedUrls;
  /** Ends idle connections; calls under way finish. */
  close(): Promise<void>;
}

/** One setting of a provider, as data: it validates requests, seals secrets, draws forms and writes OpenAPI. */
export interface SettingField {
  /** snake_case, as on the wire. */
  readonly name: string;
  /** Other names accepted on the wire, e.g. the camelCase ones of the implementation guide. */
  readonly aliases?: readonly string[];
  readonly label: string;
  readonly help: string;
  readonly example: string;
  readonly required: boolean;
  /** Write-only: sealed, never answered. */
  readonly secret: boolean;
  /** May hold spaces and line breaks, e.g. a key file: a form draws a text area. */
  readonly multiline?: boolean;
  /** Default when absent; may depend on nothing but the installation. */
  readonly defaultValue?: string;
  readonly maxLength: number;
  /** The whole value must match. */
  readonly pattern: RegExp;
  /** What `pattern` demands, as a sentence: "must be 3 to 63 lower-case letters, digits, dots or dashes". */
  readonly patternHelp: string;
}

/** Validated settings: every field of the strategy that has a value. */
export type ProviderSettings = Readonly<Record<string, string>>;

export interface SettingProblem {
  readonly field: string;
  readonly problem: string;
}

/** What the operator lets a provider use; passed to `connect`, never read from the environment there. */
export interface ConnectContext {
  readonly dialer: Dialer;
  /** Absolute folder under which `local_disk` buckets live. */
  readonly localDiskRoot: string;
  /** Signs and checks our own download URLs for `local_disk`; see local-disk-signing.ts. */
  readonly localDiskUrls?: LocalDiskUrls;
  readonly defaultRegion?: string;
  /** What an earlier connection test found in this bucket. */
  readonly capabilities?: Partial<StorageCapabilities>;
  readonly timeouts: StorageTimeouts;
  /** Milliseconds since the epoch, for signatures and expiry; the machine's clock when absent. */
  readonly now?: () => number;
  /**
   * Another S3 service than the named provider's own, without the bucket; its quirks and addressing stay.
   * `s3_compatible` has an endpoint of its own and does not look here.
   */
  readonly s3Endpoint?: string;
  /** Another Google Cloud Storage than Google's: origins of its storage API and of its OAuth token endpoint. */
  readonly gcsEndpoints?: { readonly storage: string; readonly token: string };
  /** Another Azure Blob service than Azure's: everything before the container, e.g. `http://127.0.0.1:10000/account`. */
  readonly azureEndpoint?: string;
  /** Whose storage this is; part of the MAC of `localDiskUrls`, so that a URL cannot serve another tenant. */
  readonly tenant?: string;
  /** Origins whose web pages may call this server, and shall reach users' buckets. */
  readonly corsOrigins?: readonly string[];
}

export interface StorageTimeouts {
  readonly connectMs: number;
  /** From the last byte sent to the answer's headers. */
  readonly responseMs: number;
  /** Longest silence while a body moves. */
  readonly idleBodyMs: number;
}

export interface LocalDiskUrls {
  /** `bucketPath` is the bucket's folder relative to `localDiskRoot`; `tenant` that of the ConnectContext. */
  sign(
    method: 'GET' | 'PUT',
    bucketPath: string,
    key: string,
    options: SignGetOptions | SignPutOptions | (SignPartOptions & { readonly uploadId: string }),
    tenant?: string,
  ): SignedRequest;
}

/** Opens connections only to addresses that the operator's policy allows (see dialer.ts). */
export interface Dialer {
  /** Throws a StorageError (`endpoint_unreachable`) when policy forbids the URL itself. */
  assertAllowed(url: URL): void;
  /** Checks a connected socket's peer again; throws like `assertAllowed`. */
  assertPeer?(hostname: string, address: string | undefined): void;
  /** For node:http(s) agents and undici: resolves once and answers only allowed addresses. */
  readonly lookup: import('node:net').LookupFunction;
}

export interface ProviderGuide {
  /** Where to find each value, as short Markdown. */
  readonly setup: string;
  /** A least-privilege policy or the list of key capabilities, ready to copy; `{bucket}` is replaced. */
  readonly policy: string;
  readonly policyLanguage: 'json' | 'text';
  readonly quirks: readonly string[];
  /** How web pages get to reach the bucket. */
  readonly cors: CorsAdvice;
  readonly docsUrl: string;
}

/** An estimate with its date; operators may edit their own table. */
export interface ProviderPrice {
  readonly storageUsdPerGbMonth: number;
  readonly egressUsdPerGb: number;
  readonly writeUsdPer1000: number;
  readonly readUsdPer1000: number;
  /** ISO date on which the figures were last checked. */
  readonly asOf: string;
}

/** A strategy: stateless, one per kind of store, listed in providers/index.ts. */
export interface StorageProvider {
  readonly name: ProviderName;
  readonly label: string;
  readonly fields: readonly SettingField[];
  readonly guide: ProviderGuide;
  readonly price: ProviderPrice;
  /** Checks that no single field's pattern can express. */
  checkSettings?(settings: ProviderSettings): readonly SettingProblem[];
  /**
   * The host that will be contacted, for answers and for the dns and tls checks; undefined on local disk.
   * `defaultRegion` is that of the installation, as in ConnectContext.
   */
  endpointOf(settings: ProviderSettings, defaultRegion?: string): URL | undefined;
  /** Where the bucket lies on this machine; absent for what is reached over a network. */
  folderOf?(settings: ProviderSettings, context: ConnectContext): string;
  /** Opens without contacting the provider: a wrong credential shows at the first call. */
  connect(settings: ProviderSettings, context: ConnectContext): ObjectStorage;
}
