/** One look at a run under way. Counts never fall. */
export interface Progress {
  readonly phase: 'scan' | 'read' | 'fetch' | 'write' | 'verify' | 'finish';
  readonly filesDone: number;
  /** Grows while the tree is still being walked; `undefined` until anything is known. */
  readonly filesTotal: number | undefined;
  readonly bytesDone: number;
  readonly bytesTotal: number | undefined;
  /** For humans; bytes that are not UTF-8 are replaced. */
  readonly currentFile: string | undefined;
  /** Moving average of the last seconds. */
  readonly bytesPerSecond: number;
  readonly remainingMs: number | undefined;
}

/** Called at most a few times a second; must return at once. */
export type ProgressListener = (progress: Progress) => void;
