import type { EntryStatus } from '../filesystem/entry-status.js';
import { dataRanges, type DataRange } from '../filesystem/sparse.js';

/** Finds the holes of an open file, front to back. */
export class FileHoles {
  readonly #sizeBytes: number;
  readonly #ranges: Iterator<DataRange> | undefined;
  #data: DataRange | undefined;

  constructor(fd: number, { sizeBytes, allocatedBytes }: EntryStatus) {
    this.#sizeBytes = sizeBytes;
    this.#ranges = allocatedBytes < sizeBytes ? dataRanges(fd, sizeBytes) : undefined;
    this.#data = this.#following();
  }

  /** How long the hole is in which `position` lies; 0 when data lies there. Positions must ascend. */
  bytesFrom(position: number): number {
    if (this.#ranges === undefined) return 0;
    while (this.#data !== undefined && this.#data.offset + this.#data.lengthBytes <= position) {
      this.#data = this.#following();
    }
    return Math.max(0, (this.#data?.offset ?? this.#sizeBytes) - position);
  }

  #following(): DataRange | undefined {
    const next = this.#ranges?.next();
    return next?.done === false ? next.value : undefined;
  }
}
