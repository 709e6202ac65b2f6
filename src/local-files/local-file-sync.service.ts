import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { StopSignal } from '../config/stop-signal.js';
import { Notifications } from '../database/notifications.service.js';
import { AllowedPaths } from './allowed-paths.js';
import { BucketPauses } from './bucket-pauses.js';
import { KnownFiles } from './known-files.js';
import { RunningUploads } from './running-uploads.js';
import { SyncSweep } from './sync-sweep.js';
import { UnseenFiles } from './unseen-files.js';
import { WatchedFolderWork } from './watched-folder-work.js';

/** Told by triggers and by whoever changes something here; the payload says what. */
export const LOCAL_FILES_CHANNEL = 'local_files';

/** Followed by the id of a user who wants something uploaded now, however the bucket did before. */
export const UPLOAD_NOW = 'upload ';
/** A watched folder was made, changed or deleted. */
export const FOLDERS_CHANGED = 'folders';

/** Files that are due for another attempt are found so soon. */
const POLL_EVERY_MS = 1_000;
/** Everything that nobody tells of. */
const SWEEP_EVERY_MS = 60_000;

/**
 * Brings local files into the bucket: hears of new ones, sweeps for what nobody told of, and uploads what is due. Each
 * server does it for the files that it sees.
 */
@Injectable()
export class LocalFileSyncService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Local files');
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly stopping = new AbortController();
  private sweeping: Promise<void> | undefined;
  private sweepAgain = false;
  private looking: Promise<void> | undefined;
  private lookAgain = false;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly config: Config,
    private readonly paths: AllowedPaths,
    private readonly notifications: Notifications,
    private readonly uploads: RunningUploads,
    private readonly pauses: BucketPauses,
    private readonly sweeps: SyncSweep,
    private readonly unseen: UnseenFiles,
    private readonly known: KnownFiles,
    private readonly folders: WatchedFolderWork,
    private readonly stop: StopSignal,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!this.paths.any || !this.config.env.STOWAGE_ROLES.includes('worker')) return;
    this.stop.signal.addEventListener('abort', () => this.stopping.abort(), { once: true });
    this.stopListening = await this.notifications.listen(LOCAL_FILES_CHANNEL, (what) => this.hear(what));
    this.every(SWEEP_EVERY_MS, () => this.sweep());
    this.every(POLL_EVERY_MS, () => this.poll());
    this.sweep();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    this.stopListening();
    for (const timer of this.timers) clearInterval(timer);
    await this.folders.stop();
    await this.looking;
    await this.sweeping;
    await this.uploads.stop(new Error('The server stops.'));
  }

  /** One round of everything that is not told; overlapping rounds become one more. */
  sweep(): void {
    if (this.stopping.signal.aborted) return;
    this.sweepAgain = true;
    this.sweeping ??= this.sweepNow().finally(() => (this.sweeping = undefined));
  }

  private hear(what: string): void {
    if (what === 'file') return this.look();
    if (what.startsWith(UPLOAD_NOW)) {
      this.pauses.worked(Number(what.slice(UPLOAD_NOW.length)));
      return this.poll();
    }
    // Settings, folders, or a gap in which anything may have been told.
    this.sweep();
  }

  private poll(): void {
    if (!this.stopping.signal.aborted) void this.uploads.fill();
  }

  /** At rows that the host application wrote just now. */
  private look(): void {
    if (this.stopping.signal.aborted) return;
    this.lookAgain = true;
    this.looking ??= this.lookNow().finally(() => (this.looking = undefined));
  }

  private async lookNow(): Promise<void> {
    while (this.lookAgain && !this.stopping.signal.aborted) {
      this.lookAgain = false;
      await this.guarded('new files', () => this.unseen.lookAtNew(this.stopping.signal));
      this.poll();
    }
  }

  private async sweepNow(): Promise<void> {
    const { signal } = this.stopping;
    while (this.sweepAgain && !signal.aborted) {
      this.sweepAgain = false;
      await this.guarded('rows', () => this.sweeps.takeUpRows());
      await this.guarded('new files', () => this.unseen.lookAtNew(signal));
      await this.guarded('unseen files', () => this.unseen.lookAgain(signal));
      await this.guarded('settings', () => this.sweeps.applySettings());
      this.poll();
      await this.guarded('folders', () => this.folders.refresh());
      await this.guarded('known files', () => this.known.round(signal));
      this.poll();
    }
  }

  /** One thing that fails does not keep the others from being done; it is done in the next round. */
  private async guarded(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.stopping.signal.aborted) this.log.warn(`The sweep of ${what} failed`, error);
    }
  }

  private every(periodMs: number, turn: () => void): void {
    const timer = setInterval(turn, periodMs);
    timer.unref();
    this.timers.push(timer);
  }
}
