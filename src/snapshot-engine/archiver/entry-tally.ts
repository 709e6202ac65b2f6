import type { EntryCounts, FileTotals } from './turn.js';

/** Counts the entries of one directory. */
export class EntryTally implements EntryCounts {
  filesNew = 0;
  filesChanged = 0;
  filesUnmodified = 0;
  removed = 0;
  othersChanged = 0;
  excluded = 0;
  files = 0;
  sizeBytes = 0;

  countFile(kind: 'new' | 'changed' | 'unmodified', sizeBytes: number): void {
    if (kind === 'new') this.filesNew += 1;
    else if (kind === 'changed') this.filesChanged += 1;
    else this.filesUnmodified += 1;
    this.files += 1;
    this.sizeBytes += sizeBytes;
  }

  countUntouched({ files, sizeBytes }: FileTotals): void {
    this.filesUnmodified += files;
    this.files += files;
    this.sizeBytes += sizeBytes;
  }

  /** As a plain object, which can be sent to another thread. */
  counts(): EntryCounts {
    return { ...this };
  }
}
