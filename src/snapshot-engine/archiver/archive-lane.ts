import type { RemoteService } from '../workers/worker-service.js';
import type { DirectoryRecord } from './directory-record.js';
import type { ArchiveTurn, DirectoryCompletion, Verdict } from './turn.js';
import type { QueuedFile } from './turn-queue.js';

/** One worker, with what it has not been told yet and what it holds. */
export class ArchiveLane {
  readonly number: number;
  readonly service: RemoteService;
  readonly openFiles = new Map<number, QueuedFile>();
  openDirectories = 0;
  openFileBytes = 0;
  /** Orders that were unfinished at the end of the last turn. */
  leftOver = 0;
  turnsUnderWay = 0;
  #verdicts: Verdict[] = [];
  #completions: DirectoryCompletion[] = [];
  #forgotten: number[] = [];
  #ignoreFiles: { readonly key: number; readonly text: Uint8Array }[] = [];
  #spareBuffers: ArrayBuffer[] = [];

  constructor(number: number, service: RemoteService) {
    this.number = number;
    this.service = service;
  }

  /** Work that the next turn hands over. */
  open(directories: readonly DirectoryRecord[], files: readonly QueuedFile[]): void {
    this.leftOver = 0;
    this.openDirectories += directories.length;
    for (const record of directories) record.lane = this.number;
    for (const file of files) {
      this.openFiles.set(file.id, file);
      this.openFileBytes += file.sizeBytes;
    }
  }

  /** Whether the worker must hear of something, or has something to go on with. */
  get hasNews(): boolean {
    return this.#verdicts.length > 0 || this.#completions.length > 0 || this.leftOver > 0;
  }

  get isIdle(): boolean {
    return !this.hasNews && this.turnsUnderWay === 0;
  }

  tellVerdict(verdict: Verdict): void {
    this.#verdicts.push(verdict);
  }

  tellCompletion(completion: DirectoryCompletion): void {
    this.#completions.push(completion);
  }

  tellForgotten(id: number): void {
    this.#forgotten.push(id);
  }

  tellIgnoreFile(key: number, text: Uint8Array): void {
    this.#ignoreFiles.push({ key, text });
  }

  giveBuffer(buffer: ArrayBuffer): void {
    if (this.#spareBuffers.length === 0) this.#spareBuffers.push(buffer);
  }

  /** Everything that the worker must hear, without new orders. */
  takeNews(): Omit<ArchiveTurn, 'directories' | 'files'> {
    const news = {
      verdicts: this.#verdicts,
      completions: this.#completions,
      forgotten: this.#forgotten,
      ignoreFiles: this.#ignoreFiles,
      spareBuffers: this.#spareBuffers,
    };
    [this.#verdicts, this.#completions, this.#forgotten] = [[], [], []];
    [this.#ignoreFiles, this.#spareBuffers] = [[], []];
    return news;
  }
}
