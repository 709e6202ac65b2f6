import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import type { AccessTimes } from './access-times.js';
import { attachment } from './content-headers.js';
import type { FileReads } from './file-reads.js';
import { servedMediaType } from './media-type.js';

export interface DownloadUrl {
  readonly url: string;
  readonly expiresAt: Date | undefined;
  readonly filename: string;
  readonly sizeBytes: number;
  readonly checksum: string | undefined;
}

export interface DownloadUrlsOptions {
  readonly reads: FileReads;
  readonly accessTimes: AccessTimes;
  /** The bucket that a configuration of the user names. */
  readonly bucketOf: (userId: number, configId: number) => Promise<OpenedConfig>;
  /** This server's own URL of a file's content, for buckets that cannot sign. */
  readonly contentUrl: (fileId: number) => string;
}

/** URLs from which a file can be downloaded without going through this server. */
export class DownloadUrls {
  constructor(private readonly options: DownloadUrlsOptions) {}

  /**
   * A URL for one file until it expires. Browsers save what it gives and never show or run it. A bucket that cannot
   * sign gets our own content route, which asks for the API key and does not expire.
   * @throws RequestError `not_found`, CredentialsError, StorageError
   */
  async sign(userId: number, fileId: number, expiresInSeconds: number): Promise<DownloadUrl> {
    const { reads, accessTimes, bucketOf, contentUrl } = this.options;
    const file = await reads.record(userId, fileId);
    const { storage } = await bucketOf(userId, file.configId);
    const { filename, sizeBytes, checksum } = file;
    const signed = await storage.signedUrls?.signGet(file.objectKey, {
      expiresInSeconds,
      contentDisposition: attachment(filename),
      contentType: servedMediaType(file.contentType),
      objectBytes: sizeBytes,
    });
    accessTimes.note(fileId);
    const url = signed?.url ?? contentUrl(fileId);
    return { url, expiresAt: signed?.expiresAt, filename, sizeBytes, checksum };
  }
}
