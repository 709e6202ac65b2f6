import { hash, randomUUID } from 'node:crypto';
import type { OpenedConfig } from '../../credentials/cloud-storages.service.js';
import { isStorageError, StorageError } from '../../storage-providers/storage-errors.js';
import { reconcileRequired } from '../file-errors.js';
import { EPOCH_KEY, readEpoch, writeEpoch } from './epoch-object.js';
import type { EpochRows } from './epoch-rows.js';
import { type EpochRow, type EpochVerdict, judgeEpoch } from './judge-epoch.js';

/** A place is told of a new epoch so often, while it is in use. */
export const EPOCH_EVERY_MS = 3_600_000;
/** Ages of objects are differences between two clocks: nothing is deleted by them when they are further apart. */
export const MAX_CLOCK_OFFSET_MS = 300_000;
/** A clock that was wrong is looked at again after so long. */
const CLOCK_AGAIN_MS = 60_000;
/** For all calls of one question together. */
const CALL_MS = 60_000;
/** Another process may write at the same time; it does not do so for long. */
const ROUNDS = 5;

export interface BucketEpochsOptions {
  readonly rows: Pick<EpochRows, 'ofPlace' | 'create' | 'advance' | 'adopt' | 'noteClock' | 'noteConfig'>;
  /** @throws CredentialsError `sealed` */
  readonly installationId: () => string;
  readonly databaseId: () => Promise<string>;
  readonly now: () => number;
}

/**
 * Knows whether the database is as new as a bucket: after a restore of an older dump it is not, and then it takes what
 * it does not know for rubbish. Whatever deletes by the rows asks here first.
 */
export class BucketEpochs {
  constructor(private readonly options: BucketEpochsOptions) {}

  /**
   * One GET, and once an hour a PUT and a HEAD.
   * @returns the id of the place, which all configurations of it share
   * @throws FilesError `reconcile_required`: the database is older than the bucket, or another one.
   *   StorageError `clock_skew`, or why the bucket cannot be asked
   */
  async assertCurrent(opened: OpenedConfig, signal?: AbortSignal): Promise<string> {
    const row = await within(signal, (limited) => this.current(opened, limited));
    if (Math.abs(row.clockOffsetMs) > MAX_CLOCK_OFFSET_MS) throw clocksDiffer(row.clockOffsetMs);
    return row.id;
  }

  /** What it is like, without changing anything. @throws StorageError */
  look(opened: OpenedConfig, signal?: AbortSignal): Promise<EpochVerdict> {
    return within(signal, (limited) => this.judge(opened, limited));
  }

  /**
   * Declares that these rows are the ones that count from now on; any other installation or database that works on
   * the same place is locked out by it.
   * @returns the id of the place
   */
  adopt(opened: OpenedConfig, signal?: AbortSignal): Promise<string> {
    return within(signal, (limited) => this.takeOver(opened, limited));
  }

  private async takeOver(opened: OpenedConfig, signal: AbortSignal): Promise<string> {
    const { rows, databaseId } = this.options;
    const place = placeOf(opened);
    const object = await readEpoch(opened.storage, signal);
    const row = await rows.ofPlace(place);
    const seen = object === undefined || object === 'unreadable' ? 0 : object.counter;
    const adopted = await rows.adopt(place, {
      bucketId: row?.id ?? randomUUID(),
      epochId: randomUUID(),
      counter: Math.max(row?.counter ?? 0, seen) + 1,
      databaseId: await databaseId(),
      atMs: this.options.now(),
    });
    await this.write(opened, adopted, false, signal);
    await this.noteConfig(opened, adopted.id);
    return adopted.id;
  }

  private async current(opened: OpenedConfig, signal: AbortSignal): Promise<EpochRow> {
    for (let round = 1; ; round += 1) {
      const verdict = await this.judge(opened, signal);
      if (verdict.kind === 'different') {
        await this.noteConfig(opened, null);
        throw reconcileRequired(verdict.doubt);
      }
      const row = await this.brought(opened, verdict, signal);
      if (row !== undefined) {
        await this.noteConfig(opened, row.id);
        return row;
      }
      if (round === ROUNDS) throw tooBusy();
    }
  }

  private async judge(opened: OpenedConfig, signal: AbortSignal): Promise<EpochVerdict> {
    const { rows, installationId, databaseId } = this.options;
    const object = await readEpoch(opened.storage, signal);
    const row = await rows.ofPlace(placeOf(opened));
    return judgeEpoch({ row, object, installationId: installationId(), databaseId: await databaseId() });
  }

  /** @returns undefined when another process changed it meanwhile */
  private async brought(
    opened: OpenedConfig,
    verdict: Exclude<EpochVerdict, { kind: 'different' }>,
    signal: AbortSignal,
  ): Promise<EpochRow | undefined> {
    if (verdict.kind === 'unfinished')
      return this.write(opened, verdict.row, verdict.row.counter === 1, signal);
    if (verdict.kind === 'current' && !this.isDue(verdict.row)) return verdict.row;
    const next = await this.next(opened, verdict);
    return next && this.write(opened, next, verdict.kind === 'unwritten', signal);
  }

  private isDue({ writtenAtMs, clockOffsetMs }: EpochRow): boolean {
    const everyMs = Math.abs(clockOffsetMs) > MAX_CLOCK_OFFSET_MS ? CLOCK_AGAIN_MS : EPOCH_EVERY_MS;
    return this.options.now() - writtenAtMs >= everyMs;
  }

  private async next(
    opened: OpenedConfig,
    verdict: Extract<EpochVerdict, { kind: 'current' | 'unwritten' }>,
  ): Promise<EpochRow | undefined> {
    const { rows, now } = this.options;
    const fresh = { epochId: randomUUID(), databaseId: await this.options.databaseId(), atMs: now() };
    if (verdict.kind === 'unwritten') {
      return rows.create(placeOf(opened), { ...fresh, bucketId: randomUUID(), counter: 1 });
    }
    const { row } = verdict;
    return rows.advance(row, { ...fresh, bucketId: row.id, counter: row.counter + 1 });
  }

  /** The row says so already. @returns undefined when somebody else's object came first */
  private async write(
    { storage }: OpenedConfig,
    row: EpochRow,
    createOnly: boolean,
    signal: AbortSignal,
  ): Promise<EpochRow | undefined> {
    const { rows, installationId, now } = this.options;
    const { id: bucketId, epochId, counter } = row;
    const mark = { installationId: installationId(), bucketId, epochId, counter };
    const beforeMs = now();
    try {
      await writeEpoch(storage, mark, { atMs: beforeMs, createOnly, signal });
    } catch (error) {
      if (createOnly && isStorageError(error, 'conflict')) return undefined;
      throw error;
    }
    const { lastModified } = await storage.head(EPOCH_KEY, { signal });
    const clockOffsetMs = outside(lastModified.getTime(), beforeMs, now());
    await rows.noteClock(row, clockOffsetMs);
    return { ...row, clockOffsetMs };
  }

  private noteConfig({ configId }: OpenedConfig, bucketId: string | null): Promise<void> {
    return this.options.rows.noteConfig(configId, bucketId, this.options.now());
  }
}

/** The same for all configurations whose objects lie below one prefix of one bucket. */
export function placeOf({ provider, endpoint, folder, storage }: OpenedConfig): string {
  return hash('sha256', [provider, endpoint?.href, folder, storage.urlOf(EPOCH_KEY)].join('\n'), 'hex');
}

/** How far a moment lies before (negative) or after the time in which it was made. */
function outside(ms: number, fromMs: number, toMs: number): number {
  if (ms < fromMs) return ms - fromMs;
  return ms > toMs ? ms - toMs : 0;
}

/** A few calls, none of which may hang for ever. */
async function within<T>(
  signal: AbortSignal | undefined,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), CALL_MS);
  try {
    return await work(signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]));
  } finally {
    clearTimeout(timer);
  }
}

function clocksDiffer(offsetMs: number): StorageError {
  const apart = `${Math.round(Math.abs(offsetMs) / 1_000)} s ${offsetMs > 0 ? 'ahead of' : 'behind'}`;
  return new StorageError('clock_skew', `The bucket's clock is ${apart} this server's.`, {
    operation: 'head',
    hint: 'Nothing is deleted by age until they agree. Let the server take its time from NTP, then try again.',
    retryable: true,
  });
}

function tooBusy(): StorageError {
  return new StorageError(
    'conflict',
    `The object ${EPOCH_KEY} is being written by several processes at once.`,
    {
      operation: 'put',
      hint: 'Try again in a minute.',
      retryable: true,
    },
  );
}
