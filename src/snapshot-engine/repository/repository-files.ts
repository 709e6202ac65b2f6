/**
 * The kinds of files in a repository, after restic's folders; `doomed` lies beside them in `stowage/doomed/`, where
 * restic does not look. `config` has no id.
 */
export type RepositoryFileKind = 'key' | 'snapshot' | 'index' | 'pack' | 'lock' | 'doomed';

export interface RepositoryFileInfo {
  /** 64 lower-case hex digits: the SHA-256 of the stored bytes. */
  readonly id: string;
  readonly sizeBytes: number;
  /** The provider's clock; a hint, never a proof. */
  readonly lastModified: Date;
}

export interface FileCallOptions {
  readonly signal?: AbortSignal;
}

/**
 * The files of one repository, by kind and id: an object storage with a prefix, or a host's presigned URLs. Everything
 * but `config` is named by its content, so saving the same bytes twice is no conflict. Rejects with StorageErrors.
 */
export interface RepositoryFiles {
  /** Create-only. Resolves when the bytes are durable. `id` must be the SHA-256 of `bytes`. */
  save(kind: RepositoryFileKind, id: string, bytes: Uint8Array, options?: FileCallOptions): Promise<void>;
  /** The whole file, or exactly `lengthBytes` from `offset`. `object_not_found` when absent. */
  load(
    kind: RepositoryFileKind,
    id: string,
    options?: {
      readonly range?: { readonly offset: number; readonly lengthBytes: number };
    } & FileCallOptions,
  ): Promise<Buffer>;
  /** All files of a kind, or an error; never a part of them. Ascending by id. */
  list(kind: RepositoryFileKind, options?: FileCallOptions): AsyncIterable<RepositoryFileInfo>;
  /** Idempotent. */
  remove(kind: RepositoryFileKind, id: string, options?: FileCallOptions): Promise<void>;
  /** `undefined` when there is none. */
  loadConfig(options?: FileCallOptions): Promise<Buffer | undefined>;
  /** Create-only: `repository_exists` when there is one. */
  createConfig(bytes: Uint8Array, options?: FileCallOptions): Promise<void>;
}
