import type { Postgres } from '../postgres.ts';

export type PeerName = 'bare' | 'stowage';

/** A server under test and the requests that it is measured with. */
export interface Peer {
  readonly name: PeerName;
  readonly pid: number;
  readonly port: number;
  /** Name of its database in the benchmark's PostgreSQL. */
  readonly database: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly uploadPath: string;
  readonly uploadField: string;
  /** Where uploads by tus begin; absent where the server has none. */
  readonly tusPath?: string;
  readonly listPath: string;
  readonly signPaths: readonly string[];
  readonly downloadPath: string;
  /** An upload of this size is over the limit; absent where the server has none. */
  readonly refusedBytes?: number;
  /** The server's inspector, when it was started to be profiled. */
  readonly inspectorUrl?: string;
}

/** What a peer is started with. */
export interface Surroundings {
  readonly postgres: Postgres;
  readonly sinkPort: number;
  /** Uploads one file of the pattern; for what has to lie in the bucket before the measuring. */
  readonly uploadPattern: (target: UploadTarget, sizeBytes: number) => Promise<void>;
  /** Takes over stopping what a peer has started, also when its start fails later on. */
  readonly own: (started: { stop(): Promise<void> }) => void;
  readonly profiled: boolean;
}

export interface UploadTarget {
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly field: string;
}

export const LISTED_FILES = 100_000;
export const LIST_LIMIT = 1000;
export const DOWNLOAD_BYTES = 100 * 1024 * 1024;
/** Different files that are signed in turn, so that no cache of one row answers for all. */
export const SIGNED_FILES = 1000;
