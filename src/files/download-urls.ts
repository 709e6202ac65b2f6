import type { OpenedConfig } from '../credentials/cloud-storages.service.js';
import type { AccessTimes } from './access-times.js';
import type { FileReads } from './file-reads.js';
import { servedMediaType } from './media-type.js';
import { type Disposition, type Presentation, present, queryOfPresentation } from './presentation.js';

export interface DownloadUrl {
  readonly url: string;
  readonly expiresAt: Date | undefined;
  readonly filename: string;
  readonly disposition: Disposition;
  readonly sizeBytes: number;
  readonly checksum: string | undefined;
}

export interface DownloadUrlsOptions {
  readonly reads: FileReads;
  readonly accessTimes: AccessTimes;
  /** The bucket that a configuration of the user names. */
  readonly bucketOf: (userId: number, configId: number) => Promise<OpenedConfig>;
  /** This server's own URL of a file's content, without a query; for buckets that cannot sign. */
  readonly contentUrl: (fileId: number) => string;
}

/** URLs from which a file can be downloaded without going through this server. */
export class DownloadUrls {
  constructor(private readonly options: DownloadUrlsOptions) {}

  /**
   * A URL for one file until it expires. Browsers save what it gives, or show what can be shown without being run. A bucket
   * that cannot sign gets our own content route, which asks for the API key and does not expire.
   * @throws RequestError `not_found`, CredentialsError, StorageError
   */
  async sign(
    userId: number,
    fileId: number,
    expiresInSeconds: number,
    wanted: Presentation = {},
  ): Promise<DownloadUrl> {
    const { reads, accessTimes, bucketOf, contentUrl } = this.options;
    const file = await reads.record(userId, fileId);
    const { storage } = await bucketOf(userId, file.configId);
    const { sizeBytes, checksum } = file;
    const { disposition, filename, contentDisposition } = present(file, wanted);
    const signed = await storage.signedUrls?.signGet(file.objectKey, {
      expiresInSeconds,
      contentDisposition,
      contentType: servedMediaType(file.contentType),
      objectBytes: sizeBytes,
    });
    accessTimes.note(fileId);
    const url = signed?.url ?? contentUrl(fileId) + queryOfPresentation(wanted);
    return { url, expiresAt: signed?.expiresAt, filename, disposition, sizeBytes, checksum };
  }
}
