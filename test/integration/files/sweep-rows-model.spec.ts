import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { BucketEpochsOptions } from '../../../src/files/epoch/bucket-epochs.js';
import { EpochRows, type NextEpoch } from '../../../src/files/epoch/epoch-rows.js';
import type { LiveRow, Sighting } from '../../../src/files/sweeps/plan-sweep.js';
import type { SweptRows } from '../../../src/files/sweeps/sweep-bucket.js';
import { Chance } from '../../support/prune-simulation/chance.js';
import { type FileRow, MemoryRows } from '../../support/sweep-simulation/memory-rows.js';
import { SweepWorld } from './sweep-world.js';
import { USER_ID } from './upload-server.js';

/*
 * The simulation of sweeps runs on a model of the tables. Here the model and PostgreSQL are given the same rows and are
 * asked the same, in orders that seeds decide: they must answer alike and end alike.
 */

const SEEDS = 40;
const STEPS = 25;
const BASE_MS = Date.UTC(2026, 0, 1);
const PLACE = 'a'.repeat(64);

let world: SweepWorld;

beforeAll(async () => {
  world = await SweepWorld.start();
});

afterAll(() => world.stop());

it(`is what PostgreSQL does, in ${SEEDS} stories`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const pair = new Pair(new Chance(seed));
    await pair.begin();
    for (let step = 0; step < STEPS; step += 1) await pair.step(`seed ${seed}, step ${step}`);
  }
}, 120_000);

/** The model and the tables, side by side. */
class Pair {
  private readonly model = new MemoryRows(() => Promise.resolve());
  private readonly epochs = new EpochRows(world.server.statements);
  private readonly keys: string[] = [];
  private readonly uploadIds: string[] = [];
  private readonly bucketId = randomUUID();

  constructor(private readonly chance: Chance) {}

  async begin(): Promise<void> {
    const tables = ['sweep_sightings', 'bucket_epochs', 'uploads', 'file_versions', 'cloud_files'];
    for (const table of tables) await world.query(`DELETE FROM ${table}`);
    for (let count = 0; count < 8; count += 1) await this.addFile();
    for (let count = 0; count < 4; count += 1) await this.addUpload();
    const next = this.nextEpoch();
    expect(await this.epochs.create(PLACE, next)).toEqual(await this.model.create(PLACE, next));
  }

  async step(where: string): Promise<void> {
    const { model, epochs } = this;
    const { rows } = world;
    const live = this.someLive();
    const sightings = this.someSightings();
    const files = [...model.tables.files.keys()];
    const id = this.chance.pick([0, ...files]);
    const next = this.nextEpoch();
    const from = (await model.ofPlace(PLACE))!;
    const stale = { ...from, epochId: randomUUID() };
    const atMs = BASE_MS + this.chance.below(100) * 1_000;
    const [after, to] = [this.chance.pick(this.keys), this.chance.pick(this.keys)].sort();
    const limit = 1 + this.chance.below(8);
    const runId = randomUUID();
    const asked: [name: string, of: (one: SweptRows) => Promise<unknown>][] = [
      ['keys', (one) => one.namedKeys(1, this.keys)],
      ['anywhere', (one) => one.namedAnywhere(this.keys)],
      ['uploads', (one) => one.namedUploads(this.uploadIds)],
      ['live', (one) => one.liveBetween(1, after!, to!, limit)],
      ['all live', (one) => one.liveBetween(1, '', 'g', 1_000)],
      ['sightings', async (one) => sorted(await one.sightings(this.bucketId))],
      ['save', (one) => one.saveSightings(this.bucketId, runId, sightings)],
      ['missing', (one) => one.markMissing(live, atMs)],
      ['found', (one) => one.markFound(live)],
      ['unfinished', async (one) => byId(await one.unfinished(1, atMs, 100))],
      ['doom', (one) => one.doom(id)],
      ['remove', (one) => one.remove(id)],
    ];
    const ofEpochs: [name: string, of: (one: BucketEpochsOptions['rows']) => Promise<unknown>][] = [
      ['place', (one) => one.ofPlace(PLACE)],
      ['no place', (one) => one.ofPlace('b'.repeat(64))],
      ['create again', (one) => one.create(PLACE, next)],
      ['advance', (one) => one.advance(from, next)],
      ['advance too late', (one) => one.advance(stale, next)],
      ['adopt', (one) => one.adopt(PLACE, next)],
    ];
    if (this.chance.happens(0.1)) {
      model.confirmAll();
      await world.query('UPDATE sweep_sightings SET confirmed = true');
    }
    if (this.chance.happens(0.8)) {
      const [name, ask] = this.chance.pick(asked);
      expect([where, name, await ask(model)]).toEqual([where, name, await ask(rows)]);
    } else {
      const [name, ask] = this.chance.pick(ofEpochs);
      expect([where, name, await ask(model)]).toEqual([where, name, await ask(epochs)]);
    }
    expect([where, await this.ofTables()]).toEqual([where, this.ofModel()]);
  }

  private async addFile(): Promise<void> {
    const { chance } = this;
    const state = chance.pick(['pending', 'stored', 'stored', 'trashed', 'deleting'] as const);
    const uploadId = state === 'pending' ? this.newUploadId() : null;
    const missing = (state === 'stored' || state === 'trashed') && chance.happens(0.3);
    const row: FileRow = {
      id: this.model.nextId(),
      key: this.newKey(),
      state,
      uploadId,
      atMs: this.time(),
      missing,
    };
    this.model.tables.files.set(row.id, row);
    await world.query(
      `INSERT INTO cloud_files (id, user_id, cloud_config_id, provider, object_key, filename, file_size, cloud_url,
          state, upload_id, uploaded_at, missing_since)
        VALUES ($1, ${USER_ID}, 1, 's3_compatible', $2, 'file', 1, '', $3, $4, $5::timestamptz AT TIME ZONE 'UTC',
          CASE WHEN $6 THEN now() END)`,
      ...[row.id, row.key, state, uploadId, new Date(row.atMs).toISOString(), missing],
    );
    if (state !== 'pending' && state !== 'deleting' && chance.happens(0.5)) await this.addVersion(row.id);
  }

  private async addVersion(fileId: number): Promise<void> {
    const id = this.model.nextId();
    const row = { id, fileId, key: this.newKey(), atMs: this.time(), missing: this.chance.happens(0.3) };
    this.model.tables.versions.set(id, row);
    await world.query(
      `INSERT INTO file_versions (id, file_id, user_id, version, cloud_config_id, object_key, file_size, cloud_url, provider,
          checksum_source, content_type, uploaded_at, superseded_at, missing_since)
        VALUES ($1, $2, ${USER_ID}, 1, 1, $3, 1, '', 's3_compatible', 'server', 'text/plain', $4, $4,
          CASE WHEN $5 THEN now() END)`,
      ...[id, fileId, row.key, new Date(row.atMs).toISOString(), row.missing],
    );
  }

  private async addUpload(): Promise<void> {
    const { chance } = this;
    const multipartId = chance.happens(0.6) ? this.newUploadId() : null;
    const tailKey = chance.happens(0.4) ? this.newKey() : null;
    const row = {
      key: this.newKey(),
      multipartId,
      tailKey,
      createdAtMs: this.time(),
      ended: chance.happens(0.4),
    };
    this.model.tables.uploads.set(row.key, row);
    await world.query(
      `INSERT INTO uploads (user_id, cloud_config_id, kind, object_key, filename, content_type, expires_at, multipart_id,
          tail_key, ended_at)
        VALUES (${USER_ID}, 1, 'tus', $1, 'file', 'text/plain', now(), $2, $3, CASE WHEN $4 THEN now() END)`,
      ...[row.key, multipartId, tailKey, row.ended],
    );
  }

  /** As a listing may have shown it: some have other keys by now. */
  private someLive(): LiveRow[] {
    const { files, versions } = this.model.tables;
    const rows = [
      ...[...files.values()].map((row) => ({ ...row, kind: 'file' as const })),
      ...[...versions.values()].map((row) => ({ ...row, kind: 'version' as const })),
    ].filter(() => this.chance.happens(0.3));
    return rows.map(({ kind, id, key, atMs, missing }) => ({
      kind,
      id,
      objectKey: this.chance.happens(0.2) ? this.chance.pick(this.keys) : key,
      storedAtMs: atMs,
      isMissing: missing,
    }));
  }

  private someSightings(): Sighting[] {
    return this.keys
      .filter(() => this.chance.happens(0.3))
      .map((name) => ({
        kind: this.chance.pick(['object', 'upload'] as const),
        name,
        mark: this.chance.pick(['one', 'other']),
        firstSeenMs: this.time(),
        confirmed: false,
      }));
  }

  private async ofTables() {
    const files = await world.query(
      `SELECT id, state, missing_since IS NOT NULL AS missing FROM cloud_files ORDER BY id`,
    );
    const versions = await world.query(
      `SELECT id, missing_since IS NOT NULL AS missing FROM file_versions ORDER BY id`,
    );
    const named = await world.query<{ object_key: string }>('SELECT object_key FROM file_object_keys');
    return { files, versions, needed: named.map(({ object_key }) => object_key).sort() };
  }

  private ofModel() {
    const { files, versions } = this.model.tables;
    return {
      files: [...files.values()].map(({ id, state, missing }) => ({ id, state, missing })),
      versions: [...versions.values()].map(({ id, missing }) => ({ id, missing })),
      needed: [...this.model.needed()].sort(),
    };
  }

  private nextEpoch(): NextEpoch {
    const databaseId = this.chance.pick(['1/1/1', '2/2/2']);
    return {
      bucketId: this.bucketId,
      epochId: randomUUID(),
      counter: this.time(),
      databaseId,
      atMs: this.time(),
    };
  }

  private time(): number {
    return BASE_MS + this.chance.below(100) * 1_000;
  }

  private newKey(): string {
    const key = `f/${randomUUID()}/${randomUUID()}`;
    this.keys.push(key);
    return key;
  }

  private newUploadId(): string {
    const uploadId = randomUUID();
    this.uploadIds.push(uploadId);
    return uploadId;
  }
}

function sorted(sightings: readonly Sighting[]): Sighting[] {
  const nameOf = ({ kind, name }: Sighting) => `${kind} ${name}`;
  return [...sightings].sort((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
}

function byId<T extends { readonly id: number }>(rows: readonly T[]): T[] {
  return [...rows].sort((left, right) => left.id - right.id);
}
