import type {
  CallOptions,
  ConnectContext,
  GetOptions,
  ListOptions,
  ListPage,
  MultipartUploads,
  ObjectBody,
  ObjectContent,
  ObjectCopies,
  ObjectHead,
  ObjectStorage,
  ProviderName,
  PutOptions,
  SignedUrls,
  StorageCapabilities,
  StoredObject,
} from '../../storage-provider.js';
import { S3Copies } from './s3-copies.js';
import { S3Documents } from './s3-documents.js';
import { S3Listing } from './s3-listing.js';
import { S3Multipart } from './s3-multipart.js';
import { S3Objects } from './s3-objects.js';
import { S3Session, type S3Settings } from './s3-session.js';
import { S3SignedUrls } from './s3-signed-urls.js';

/** The one protocol of the S3 family; members differ by their quirks only. */
export class S3Storage implements ObjectStorage {
  readonly provider: ProviderName;
  readonly capabilities: StorageCapabilities;
  readonly maxPutBytes: number;
  readonly multipart: MultipartUploads;
  readonly copies: ObjectCopies;
  readonly signedUrls: SignedUrls;
  // Truly private: whoever logs a storage must not find its credentials in it.
  readonly #session: S3Session;
  readonly #objects: S3Objects;
  readonly #listing: S3Listing;

  /** Contacts nobody. Throws a StorageError when the dialling policy forbids the endpoint. */
  constructor(settings: S3Settings, context: ConnectContext) {
    const session = new S3Session(atEndpoint(settings, context), context);
    const documents = new S3Documents(session);
    this.#session = session;
    this.#objects = new S3Objects(session);
    this.#listing = new S3Listing(session, documents);
    this.multipart = new S3Multipart(session, this.#objects, documents);
    this.copies = new S3Copies(session, this.#objects);
    this.signedUrls = new S3SignedUrls(session);
    this.provider = settings.provider;
    this.capabilities = session.capabilities;
    this.maxPutBytes = settings.quirks.maxPutBytes;
  }

  put(key: string, body: ObjectBody, options: PutOptions): Promise<StoredObject> {
    return this.#objects.put(key, body, options);
  }

  get(key: string, options?: GetOptions): Promise<ObjectContent> {
    return this.#objects.get(key, options);
  }

  head(key: string, options?: CallOptions): Promise<ObjectHead> {
    return this.#objects.head(key, options);
  }

  delete(key: string, options?: CallOptions): Promise<void> {
    return this.#objects.delete(key, options);
  }

  listPage(options: ListOptions): Promise<ListPage> {
    return this.#listing.page(options);
  }

  urlOf(key: string): string {
    return `s3://${this.#session.settings.bucket}/${key}`;
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}

function atEndpoint(settings: S3Settings, { s3Endpoint }: ConnectContext): S3Settings {
  if (s3Endpoint === undefined || settings.provider === 's3_compatible') return settings;
  return { ...settings, endpoint: new URL(s3Endpoint) };
}
