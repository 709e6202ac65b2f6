import { ProgressMeter } from '../progress/progress-meter.js';
import type { ProgressListener } from '../progress/progress.js';
import { shownPath } from './raw-path.js';
import type { RestoreSummary } from './restore-plan.js';

/** How far a restore is: entries found, then files and sealed bytes, then metadata. */
export class RestoreProgress {
  readonly #meter: ProgressMeter;
  readonly #isHeard: boolean;
  #phase: 'scan' | 'write' | 'finish' = 'scan';
  #filesTotal: number | undefined;
  #bytesTotal: number | undefined;
  #currentFile: string | undefined;
  filesRestored = 0;
  bytesFetched = 0;

  constructor(listener: ProgressListener | undefined) {
    this.#meter = new ProgressMeter(listener);
    this.#isHeard = listener !== undefined;
  }

  /** The snapshot's trees are being read. */
  found(entries: number): void {
    this.#filesTotal = entries;
    this.#tell();
  }

  writes({ bytesToFetch }: RestoreSummary, files: number): void {
    this.#phase = 'write';
    this.#filesTotal = files;
    this.#bytesTotal = bytesToFetch;
    this.#tell();
  }

  onFile(path: string): void {
    this.filesRestored += 1;
    this.#currentFile = path;
    this.#tell();
  }

  onBytes(bytes: number): void {
    this.bytesFetched += bytes;
    this.#tell();
  }

  finishes(): void {
    this.#phase = 'finish';
    this.#tell();
  }

  end(): void {
    this.#meter.finish();
  }

  #tell(): void {
    if (!this.#isHeard) return;
    const currentFile = this.#currentFile;
    this.#meter.update({
      phase: this.#phase,
      filesDone: this.filesRestored,
      filesTotal: this.#filesTotal,
      bytesDone: this.bytesFetched,
      bytesTotal: this.#bytesTotal,
      currentFile: currentFile === undefined ? undefined : shownPath(currentFile),
    });
  }
}
