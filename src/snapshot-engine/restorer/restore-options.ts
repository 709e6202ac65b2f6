import type { ProgressListener } from '../progress/progress.js';

/** What of a snapshot is restored, and how much of it is believed. */
export interface RestoreOptions {
  /** Path in the snapshot, raw bytes, that becomes the target itself; the snapshot's root unless told. */
  readonly from?: Uint8Array;
  /** Only these, relative to `from`, with all that lies beneath them. Everything unless told. */
  readonly paths?: readonly Uint8Array[];
  /**
   * `new-directory` (unless told): the target does not exist, is empty, or is what an interrupted restore of the same
   * snapshot left. `in-place`: into what is there; files that differ are replaced, each at once.
   */
  readonly into?: 'new-directory' | 'in-place';
  /** In place only: also delete what the snapshot does not have; with `paths`, only beneath them. */
  readonly mirror?: boolean;
  /**
   * `status` (unless told): a file of the same size and time is kept. `content`: only when its content is the same,
   * blob by blob.
   */
  readonly verify?: 'status' | 'content';
  /** Devices, FIFOs and sockets; refused unless asked for. */
  readonly specialFiles?: boolean;
  /** Setuid, setgid and file capabilities; stripped unless asked for. */
  readonly privileges?: boolean;
  /** `numbers` unless told, `names` where this machine knows them; only root can give files away. */
  readonly owners?: 'numbers' | 'names' | 'none';
  /** Extended attributes besides `user.*` that are written: whole names, or namespaces ending in a dot. */
  readonly attributes?: readonly string[];
  /** Leave out zeros where the file system keeps holes; on unless told. */
  readonly sparse?: boolean;
  readonly limits?: Partial<RestoreLimits>;
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressListener;
}

/** What a hostile snapshot can cost at most. */
export interface RestoreLimits {
  /** Files, directories, links; about 600 bytes of memory each. */
  readonly entries: number;
  /** One chunk of a file; writers make at most 8 MiB. */
  readonly blobBytes: number;
  /** Bytes of all files that the snapshot may claim, holes left out; what is free in the target unless told. */
  readonly bytes: number | undefined;
  /** Memory for what is fetched and not yet written: sealed and opened bytes. */
  readonly bytesInFlight: number;
  /** Requests at a time. */
  readonly requests: number;
}

export const DEFAULT_RESTORE_LIMITS: RestoreLimits = {
  entries: 4_000_000,
  blobBytes: 64 * 1_024 * 1_024,
  bytes: undefined,
  bytesInFlight: 40 * 1_024 * 1_024,
  requests: 6,
};

/** Access lists are permissions like modes; everything else outside `user.` can mean privileges. */
export const DEFAULT_ATTRIBUTES = ['system.posix_acl_access', 'system.posix_acl_default'] as const;

/** The longest path that Linux opens in one call; other programs could not open what lies deeper. */
export const MAX_PATH_BYTES = 4_095;
