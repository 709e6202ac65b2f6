import type { ProviderName } from '../storage-providers/storage-provider.js';
import type { ChecksumSource } from './cloud-file.entity.js';

/** What a file is called and belongs to, apart from its content. */
export interface FilePlace {
  readonly filename: string;
  /** '' for the top, otherwise a path that ends with a slash; see folder-path.ts. */
  readonly folder?: string;
  readonly tags?: readonly string[];
  /** The file of this host that it is a copy of. */
  readonly localFileId?: number;
  /** The file that gets this content as a new version, under its present name. */
  readonly replacesFileId?: number;
  /** Together with `replacesFileId`: only while the file's content has one of these ETags (If-Match). */
  readonly ifMatch?: string;
  /** A stored file of this folder and name gets this content as a new version, instead of a namesake. */
  readonly overwrite?: boolean;
}

/** A content whose object is whole in the bucket. */
export interface WrittenFile extends FilePlace {
  readonly folder: string;
  readonly tags: readonly string[];
  readonly objectKey: string;
  readonly contentType: string;
  readonly cloudUrl: string;
  readonly etag: string;
  readonly sizeBytes: number;
  /** SHA-256, 64 hex digits; null when nobody computed it. */
  readonly checksum: string | null;
  readonly checksumSource: ChecksumSource;
  /** CRC-32 (ISO 3309), unsigned; null when nobody computed it. */
  readonly crc32: number | null;
  /** Whether its row exists already, because it took many calls. */
  readonly pending: boolean;
  /** An earlier attempt may have saved it: saving it again finds that row. */
  readonly repeatable?: boolean;
}

/** A stored file as its answer needs it. */
export interface StoredFile extends WrittenFile {
  readonly id: number;
  readonly provider: ProviderName;
  /** From 1. */
  readonly version: number;
  readonly protected: boolean;
  /** ISO 8601 in UTC. */
  readonly uploadedAt: string;
}

/** Whose file it is, and the configuration that wrote it. */
export interface FileOwner {
  readonly userId: number;
  readonly configId: number;
  readonly provider: ProviderName;
}
