/** When a job ends: after this many requests or this much time. Requests under way are always finished. */
export type Stop = { readonly requests: number } | { readonly seconds: number };

interface Job {
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly concurrency: number;
  readonly stop: Stop;
}

/** Uploads of one file each, as multipart/form-data; every file has a name and bytes of its own. */
export interface UploadJob extends Job {
  readonly path: string;
  /** Name of the form field that carries the file. */
  readonly field: string;
  readonly sizeBytes: number;
}

/** Uploads whose body is the file itself, all with the same bytes. */
export interface RawUploadJob extends Job {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Reads of `paths` in turn. */
export interface GetJob extends Job {
  readonly paths: readonly string[];
  /** The answer must be this many bytes of the pattern. */
  readonly patternBytes?: number;
}

/** Announces an upload, sends all that comes before the file's first byte, and expects 413. */
export type RefusalJob = UploadJob;

export interface LoadResult {
  readonly requests: number;
  /** From the first request's start to the last answer's end. */
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** Bytes of all answers' bodies. */
  readonly receivedBytes: number;
  readonly errors: number;
  readonly firstError?: string;
}
