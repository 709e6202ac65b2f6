import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredRestore, RestoreReport } from '../../agent-protocol/messages.js';
import type { Progress } from '../../snapshot-engine/index.js';
import { codeOf, sentenceOf } from '../agent-error.js';
import type { HostServices } from '../host-services.js';
import { assertWithinBounds } from '../path-bounds.js';
import { retryDelayMs } from '../server-connection/retry-delay.js';
import type { RunSlots } from '../workspaces/run-slots.js';
import { OpenRestore } from './open-restore.js';
import type { RestoreRecords } from './restore-records.js';
import { endedRestore, finishedRestore, planOf, progressOf } from './restore-report.js';
import { assertTargetAllowed } from './restore-target.js';

export interface RestoreRunnerOptions {
  readonly services: HostServices;
  readonly slots: RunSlots;
  readonly records: RestoreRecords;
  readonly onNews: () => void;
}

/** A restore that lost the bucket or the server goes on where it was, so often. */
const MAX_ATTEMPTS = 10;
const SPREAD = { baseMs: 2_000, maxMs: 60_000 };
const PASSING_CODES: ReadonlySet<string> = new Set([
  'endpoint_unreachable',
  'provider_error',
  'storage_rate_limited',
  'server_unreachable',
  'service_unavailable',
]);
const FINAL_STATES: ReadonlySet<string> = new Set(['succeeded', 'partial', 'failed', 'cancelled']);

/** One restore that the server wants from this host, phase after phase; each phase is done once. */
export class RestoreRunner {
  readonly #options: RestoreRunnerOptions;
  readonly #ended = new AbortController();
  #desired: DesiredRestore;
  #phase: DesiredRestore['phase'] | undefined;
  #work: Promise<void> = Promise.resolve();
  #open: OpenRestore | undefined;
  #report: RestoreReport | undefined;
  #isTold = true;

  constructor(desired: DesiredRestore, options: RestoreRunnerOptions) {
    this.#options = options;
    this.#desired = desired;
    const record = options.records.load(desired.id);
    if (record !== undefined && 'restore_id' in record) this.#tell(record);
    this.update(desired);
  }

  /** What the server has not heard of. */
  get news(): RestoreReport | undefined {
    return this.#isTold ? undefined : this.#report;
  }

  /** The server has heard this. */
  told(report: RestoreReport): void {
    if (this.#report === report) this.#isTold = true;
  }

  update(desired: DesiredRestore): void {
    this.#desired = desired;
    if (this.#isFinal || desired.phase === this.#phase) return;
    this.#phase = desired.phase;
    if (desired.phase === 'cancel') this.#ended.abort(new Error('The restore was cancelled.'));
    this.#work = this.#work.then(() => this.#do(desired.phase));
  }

  /** Ends what is under way; a later start goes on from there. */
  async stop(): Promise<void> {
    this.#phase = undefined;
    this.#ended.abort(new Error('The agent stops.'));
    await this.#work;
  }

  get #isFinal(): boolean {
    return this.#report !== undefined && FINAL_STATES.has(this.#report.state);
  }

  async #do(phase: DesiredRestore['phase']): Promise<void> {
    if (this.#isFinal) return;
    const { id, target, bounds } = this.#desired;
    if (phase === 'cancel') return this.#end({ restore_id: id, state: 'cancelled' });
    const { signal } = this.#ended;
    const { services, slots } = this.#options;
    try {
      assertTargetAllowed(target, services.dataDir);
      await slots.use(signal, () =>
        this.#patiently(async () => {
          assertWithinBounds(target, bounds);
          await (phase === 'plan' ? this.#plan() : this.#restore());
        }),
      );
    } catch (error) {
      // Of a cancelled one tells the next phase, of a stopped agent nobody.
      if (signal.aborted) return;
      services.log.warn('restore_failed', { restore_id: id, code: codeOf(error), detail: sentenceOf(error) });
      this.#end(endedRestore(id, error));
    }
  }

  async #plan(): Promise<void> {
    const { id, destination: into } = this.#desired;
    const open = await this.#opened();
    const summary = await open.plan({ into: this.#isBegun ? 'in-place' : into, signal: this.#ended.signal });
    this.#tell({ restore_id: id, state: 'planned', plan: planOf(summary) });
  }

  async #restore(): Promise<void> {
    const { id, destination } = this.#desired;
    const startedMs = performance.now();
    const open = await this.#opened();
    const call = {
      signal: this.#ended.signal,
      onProgress: (progress: Progress) => this.#onProgress(progress),
    };
    const wasBegun = this.#isBegun;
    const restored = await open.restore({ into: destination, ...call }).catch((error: unknown) => {
      // It was complete, and the agent was killed before it could say so: everything is kept, and checked once more.
      if (!wasBegun || codeOf(error) !== 'target_unwritable') throw error;
      return open.restore({ into: 'in-place', ...call });
    });
    this.#options.services.log.info('restore_finished', { restore_id: id, files: restored.filesRestored });
    for (const { packId, message } of restored.badPacks)
      this.#options.services.log.warn('pack_damaged', { restore_id: id, pack: packId, detail: message });
    this.#end(finishedRestore(id, restored, performance.now() - startedMs));
  }

  /** The target has been ours before, in this process or one that was killed. */
  get #isBegun(): boolean {
    return this.#options.records.load(this.#desired.id)?.state === 'begun';
  }

  #onProgress(progress: Progress): void {
    const { id, destination } = this.#desired;
    if (this.#ended.signal.aborted) return;
    // The engine has taken possession of the target before it tells anything.
    if (destination === 'new-directory' && this.#report?.state !== 'running') {
      this.#options.records.save(id, { state: 'begun' });
    }
    this.#tell({ restore_id: id, state: 'running', progress: progressOf(progress) });
  }

  async #patiently(act: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await act();
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS || !PASSING_CODES.has(codeOf(error) ?? '')) throw error;
        await sleep(retryDelayMs(attempt, SPREAD, Math.random), undefined, { signal: this.#ended.signal });
      }
    }
  }

  async #opened(): Promise<OpenRestore> {
    this.#open ??= await OpenRestore.open(this.#options.services, this.#desired, this.#ended.signal);
    return this.#open;
  }

  #end(report: RestoreReport): void {
    this.#options.records.save(this.#desired.id, report);
    this.#open = undefined;
    this.#tell(report);
  }

  #tell(report: RestoreReport): void {
    this.#report = report;
    this.#isTold = false;
    this.#options.onNews();
  }
}
