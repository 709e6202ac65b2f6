import { BucketEpochs } from '../../../src/files/epoch/bucket-epochs.js';
import { EPOCH_KEY } from '../../../src/files/epoch/epoch-object.js';
import type { OpenedConfig } from '../../../src/credentials/cloud-storages.service.js';
import { sweepBucket, type SweepOutcome } from '../../../src/files/sweeps/sweep-bucket.js';
import { Turns } from '../doom-simulation/turns.js';
import { Chance } from '../prune-simulation/chance.js';
import { failure, MemoryBucket } from './memory-bucket.js';
import { type Dump, MemoryRows } from './memory-rows.js';

export const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);
const INSTALLATION = '00000000-0000-4000-8000-000000000001';

export const EVENTS = [
  'put',
  'parts',
  'direct',
  'tus',
  'overwrite',
  'trash',
  'undelete',
  'purge',
  'abort',
  'crash',
  'lost answer',
  'sweep',
  'swept object',
  'aborted upload',
  'removed row',
  'stopped',
  'locked',
  'restore',
  'adopted',
  'missing',
  'given up',
] as const;
export type EventCounts = Record<(typeof EVENTS)[number], number>;

/** Its process died, or lost its database. */
export class Crashed extends Error {}

/** One story: a bucket, the rows, and what the users were promised. */
export class World {
  readonly chance: Chance;
  readonly turns: Turns;
  readonly bucket: MemoryBucket;
  readonly rows: MemoryRows;
  readonly losses: string[] = [];
  /** Keys of everything that users were told is stored, by file; earlier versions too. */
  readonly promised = new Map<number, Set<string>>();
  nowMs = START_MS;
  databaseId = '1/1/1';
  /** What the rows were at some time, and how many epochs they knew of. */
  dumped: { readonly dump: Dump; readonly epochs: number; readonly databaseId: string } | undefined;
  /** Between the restore of a dump and the decision of the user. */
  isRestored = false;
  /** The decision is being carried out. */
  isAdopting = false;
  /** Grows with each restore: whoever began before has lost its database. */
  life = 0;
  isQuiet = false;
  private readonly gaps = new Set<{ readonly untilMs: number }>();
  private keys = 0;

  constructor(
    seed: number,
    readonly counts: EventCounts,
  ) {
    this.chance = new Chance(seed);
    this.turns = new Turns(this.chance);
    this.rows = new MemoryRows(() => this.step());
    this.bucket = new MemoryBucket({
      now: () => this.nowMs,
      before: () => this.step(),
      after: () => this.answered(),
      onDelete: (key) => this.noteDeletion(key),
    });
  }

  key(): string {
    this.keys += 1;
    // In no order, as random ids are.
    const id = (Math.imul(this.keys, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
    return `f/${id}-0000-4000-8000-000000000000/${id}-0000-4000-8000-000000000001`;
  }

  get opened(): OpenedConfig {
    return { configId: 1, provider: 's3_compatible', bucketName: 'memory', storage: this.bucket.storage };
  }

  get epochs(): BucketEpochs {
    return new BucketEpochs({
      rows: this.rows,
      installationId: () => INSTALLATION,
      databaseId: () => Promise.resolve(this.databaseId),
      now: () => this.nowMs,
    });
  }

  epochsSeen(): number {
    return this.epochObject()?.counter ?? 0;
  }

  bucketKnowsRows(): boolean {
    const [row] = this.rows.tables.epochs.values();
    return row?.databaseId === this.databaseId && row.epochId === this.epochObject()?.epoch_id;
  }

  private epochObject(): { counter: number; epoch_id: string } | undefined {
    const object = this.bucket.objects.get(EPOCH_KEY);
    return object && (JSON.parse(object.bytes.toString()) as { counter: number; epoch_id: string });
  }

  async sweep(): Promise<SweepOutcome> {
    const deps = { rows: this.rows, epochs: this.epochs, now: () => this.nowMs };
    const outcome = await sweepBucket(deps, this.opened, {
      runId: 'run',
      signal: new AbortController().signal,
    });
    this.counts.sweep += 1;
    this.counts['swept object'] += outcome.deletedObjects;
    this.counts['aborted upload'] += outcome.abortedUploads;
    this.counts['removed row'] += outcome.removedRows;
    this.counts.missing += outcome.missingFiles;
    if (outcome.stop !== undefined) this.counts.stopped += 1;
    return outcome;
  }

  /** Whatever a life does next may be the last of it. */
  async step(): Promise<void> {
    if (this.isQuiet) return;
    const { life } = this;
    await this.turns.next();
    if (life !== this.life) throw new Crashed();
    if (this.chance.happens(0.01)) {
      this.counts.crash += 1;
      throw new Crashed();
    }
  }

  /** From an object to its row less than a day passes, though something may hang in between: so long an upload may last. */
  async underWay(work: () => Promise<void>): Promise<void> {
    const gap = { untilMs: this.nowMs + 23 * HOUR_MS };
    this.gaps.add(gap);
    try {
      await work();
      const turns = this.chance.happens(0.2) ? this.chance.below(400) : 0;
      for (let turn = 0; turn < turns; turn += 1) await this.turns.next();
      await this.step();
    } finally {
      this.gaps.delete(gap);
    }
  }

  pass(ms: number): void {
    this.nowMs = Math.min(this.nowMs + ms, ...[...this.gaps].map(({ untilMs }) => untilMs));
  }

  promise(fileId: number, key: string): void {
    const keys = this.promised.get(fileId) ?? new Set();
    this.promised.set(fileId, keys.add(key));
    if (!this.bucket.objects.has(key)) this.losses.push(`${key} was acknowledged and is not there`);
  }

  /** Its user wants it gone. */
  release(fileId: number): void {
    this.promised.delete(fileId);
  }

  isPromised(key: string): boolean {
    return [...this.promised.values()].some((keys) => keys.has(key));
  }

  private async answered(): Promise<void> {
    if (this.isQuiet) return;
    const isLost = this.chance.happens(0.01);
    if (isLost) this.counts['lost answer'] += 1;
    await this.step();
    if (isLost) throw failure('endpoint_unreachable');
  }

  private noteDeletion(key: string): void {
    if (this.isPromised(key)) this.losses.push(`${key} was promised and is deleted`);
  }
}
