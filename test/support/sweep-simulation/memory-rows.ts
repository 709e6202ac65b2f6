import type { NextEpoch } from '../../../src/files/epoch/epoch-rows.js';
import type { EpochRow } from '../../../src/files/epoch/judge-epoch.js';
import type { BucketEpochsOptions } from '../../../src/files/epoch/bucket-epochs.js';
import type { LiveRow, Sighting } from '../../../src/files/sweeps/plan-sweep.js';
import type { SweptRows, UnfinishedUploadRow } from '../../../src/files/sweeps/sweep-bucket.js';

export interface FileRow {
  readonly id: number;
  key: string;
  state: 'pending' | 'stored' | 'trashed' | 'deleting';
  uploadId: string | null;
  atMs: number;
  missing: boolean;
}

export interface UploadRow {
  readonly key: string;
  readonly multipartId: string | null;
  tailKey: string | null;
  readonly createdAtMs: number;
  ended: boolean;
}

interface VersionRow {
  readonly id: number;
  readonly fileId: number;
  readonly key: string;
  readonly atMs: number;
  missing: boolean;
}

/** Everything that a dump would hold. */
export interface Dump {
  readonly files: Map<number, FileRow>;
  readonly versions: Map<number, VersionRow>;
  readonly uploads: Map<string, UploadRow>;
  readonly sightings: Map<string, Sighting>;
  readonly epochs: Map<string, EpochRow>;
}

type EpochRowsOf = BucketEpochsOptions['rows'];

/** The tables as far as sweeps know them; each call is a transaction that nothing comes between. */
export class MemoryRows implements SweptRows, EpochRowsOf {
  tables: Dump = {
    files: new Map(),
    versions: new Map(),
    uploads: new Map(),
    sightings: new Map(),
    epochs: new Map(),
  };
  /** Ids are not taken back by a restored dump: that would only make the model kinder. */
  private lastId = 0;

  /** @param turn others may go first, or this process dies */
  constructor(private readonly turn: () => Promise<void>) {}

  dump(): Dump {
    return structuredClone(this.tables);
  }

  nextId(): number {
    this.lastId += 1;
    return this.lastId;
  }

  /** The view `file_object_keys`. */
  needed(): Set<string> {
    const { files, versions, uploads } = this.tables;
    const keys = new Set([...files.values(), ...versions.values()].map(({ key }) => key));
    for (const { key, tailKey, ended } of uploads.values()) {
      if (ended) continue;
      keys.add(key);
      if (tailKey !== null) keys.add(tailKey);
    }
    return keys;
  }

  async namedKeys(_configId: number, keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.namedAnywhere(keys);
  }

  async namedAnywhere(keys: readonly string[]): Promise<ReadonlySet<string>> {
    await this.turn();
    const needed = this.needed();
    return new Set(keys.filter((key) => needed.has(key)));
  }

  async namedUploads(uploadIds: readonly string[]): Promise<ReadonlySet<string>> {
    await this.turn();
    const named = new Set<string | null>();
    for (const { state, uploadId } of this.tables.files.values())
      if (state === 'pending') named.add(uploadId);
    for (const { ended, multipartId } of this.tables.uploads.values()) if (!ended) named.add(multipartId);
    return new Set(uploadIds.filter((id) => named.has(id)));
  }

  async liveBetween(_configId: number, after: string, to: string, limit: number): Promise<LiveRow[]> {
    await this.turn();
    const { files, versions } = this.tables;
    const live: LiveRow[] = [];
    for (const { id, key, atMs, state, missing } of files.values()) {
      if (state !== 'stored' && state !== 'trashed') continue;
      live.push({ kind: 'file', id, objectKey: key, storedAtMs: atMs, isMissing: missing });
    }
    for (const { id, key, atMs, missing } of versions.values())
      live.push({ kind: 'version', id, objectKey: key, storedAtMs: atMs, isMissing: missing });
    return live
      .filter(({ objectKey }) => objectKey > after && objectKey <= to)
      .sort((left, right) => (left.objectKey < right.objectKey ? -1 : 1))
      .slice(0, limit);
  }

  async sightings(): Promise<Sighting[]> {
    await this.turn();
    return [...this.tables.sightings.values()];
  }

  async saveSightings(_bucketId: string, _runId: string, sightings: readonly Sighting[]): Promise<void> {
    await this.turn();
    const { sightings: kept } = this.tables;
    const before = new Map(kept);
    kept.clear();
    for (const sighting of sightings) {
      const name = `${sighting.kind} ${sighting.name}`;
      const earlier = before.get(name);
      const confirmed = earlier !== undefined && earlier.confirmed && earlier.mark === sighting.mark;
      kept.set(name, { ...sighting, confirmed });
    }
  }

  /** As its user does. */
  confirmAll(): void {
    for (const [name, sighting] of this.tables.sightings)
      this.tables.sightings.set(name, { ...sighting, confirmed: true });
  }

  async markMissing(rows: readonly LiveRow[]): Promise<number> {
    await this.turn();
    return this.mark(
      rows.filter((row) => this.named(row)?.key === row.objectKey),
      true,
    );
  }

  async markFound(rows: readonly LiveRow[]): Promise<number> {
    await this.turn();
    return this.mark(rows, false);
  }

  async unfinished(_configId: number, beforeMs: number, limit: number): Promise<UnfinishedUploadRow[]> {
    await this.turn();
    return [...this.tables.files.values()]
      .filter(({ state, atMs }) => state === 'pending' && atMs < beforeMs)
      .slice(0, limit)
      .map(({ id, key, uploadId }) => ({ id, objectKey: key, uploadId }));
  }

  async doom(id: number): Promise<boolean> {
    await this.turn();
    const row = this.tables.files.get(id);
    if (row?.state !== 'pending') return false;
    row.state = 'deleting';
    return true;
  }

  async remove(id: number): Promise<void> {
    await this.turn();
    if (this.tables.files.get(id)?.state === 'deleting') this.tables.files.delete(id);
  }

  async ofPlace(place: string): Promise<EpochRow | undefined> {
    await this.turn();
    return this.tables.epochs.get(place);
  }

  async create(place: string, next: NextEpoch): Promise<EpochRow | undefined> {
    await this.turn();
    if (this.tables.epochs.has(place)) return undefined;
    return this.setEpoch(place, rowOf(next, null));
  }

  async advance(from: EpochRow, next: NextEpoch): Promise<EpochRow | undefined> {
    await this.turn();
    const [place, row] = [...this.tables.epochs].find(([, { id }]) => id === from.id) ?? [];
    if (place === undefined || row?.epochId !== from.epochId) return undefined;
    return this.setEpoch(place, { ...rowOf(next, from.epochId), databaseId: row.databaseId });
  }

  async adopt(place: string, next: NextEpoch): Promise<EpochRow> {
    await this.turn();
    this.tables.sightings.clear();
    return this.setEpoch(place, rowOf(next, null));
  }

  async noteClock(): Promise<void> {
    await this.turn();
  }

  async noteConfig(): Promise<void> {
    await this.turn();
  }

  private setEpoch(place: string, row: EpochRow): EpochRow {
    this.tables.epochs.set(place, row);
    return row;
  }

  /** @returns how many changed */
  private mark(rows: readonly LiveRow[], missing: boolean): number {
    let changed = 0;
    for (const row of rows) {
      const named = this.named(row);
      if (named === undefined || named.missing === missing) continue;
      named.missing = missing;
      changed += 1;
    }
    return changed;
  }

  private named({ kind, id }: LiveRow): FileRow | VersionRow | undefined {
    const { files, versions } = this.tables;
    if (kind === 'version') return versions.get(id);
    const file = files.get(id);
    return file?.state === 'stored' || file?.state === 'trashed' ? file : undefined;
  }
}

function rowOf(
  { bucketId: id, epochId, counter, databaseId, atMs }: NextEpoch,
  previousEpochId: string | null,
) {
  return { id, epochId, previousEpochId, counter, databaseId, writtenAtMs: atMs, clockOffsetMs: 0 };
}
