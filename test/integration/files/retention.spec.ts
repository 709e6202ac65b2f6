import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditLog } from '../../../src/auth/audit-log.service.js';
import type { CloudStorages } from '../../../src/credentials/cloud-storages.service.js';
import type { BucketEpochs } from '../../../src/files/epoch/bucket-epochs.js';
import { Retention } from '../../../src/files/retention/retention.service.js';
import { SyncSettingsStore } from '../../../src/sync-settings/sync-settings-store.js';
import { SweepWorld } from './sweep-world.js';
import { USER_ID } from './upload-server.js';

const DAY_MS = 24 * 3_600_000;
const NEVER = new AbortController().signal;

describe('retention', () => {
  let world: SweepWorld;
  let retention: Retention;
  let epochs: Pick<BucketEpochs, 'assertCurrent'>;

  beforeAll(async () => {
    world = await SweepWorld.start();
    const { statements, dataSource } = world.server;
    const now = () => world.now();
    const storages = { byConfigId: () => Promise.resolve(world.opened()) } as unknown as CloudStorages;
    epochs = world.epochs();
    const guard = { assertCurrent: () => epochs.assertCurrent(world.opened()) } as unknown as BucketEpochs;
    const settings = new SyncSettingsStore(statements, now);
    await settings.change(USER_ID, { retentionDays: 30 }, undefined);
    retention = new Retention(dataSource, settings, storages, guard, new AuditLog(dataSource), { now });
    await files(150);
    world.aheadMs += 20 * DAY_MS;
    await files(50);
  });

  afterAll(() => world.stop());

  const files = (count: number) =>
    world.query(
      `INSERT INTO cloud_files
          (user_id, cloud_config_id, provider, object_key, filename, file_size, cloud_url, uploaded_at)
        SELECT ${USER_ID}, 1, 's3_compatible', 'f/' || gen_random_uuid() || '/' || gen_random_uuid(), 'file', 10, '',
          $2::timestamptz AT TIME ZONE 'UTC' FROM generate_series(1, $1)`,
      count,
      new Date(world.now()).toISOString(),
    );
  const trashed = async () =>
    (
      await world.query<{ count: string }>(
        `SELECT count(*) FROM cloud_files WHERE state = 'trashed' AND trashed_by = 'retention'`,
      )
    )[0]!.count;

  it('leaves young files alone and shows what a setting would take', async () => {
    expect(await retention.run(USER_ID, NEVER)).toBe(0);
    const preview = await retention.preview(USER_ID, 10);
    expect(preview).toMatchObject({ files: 150, bytes: 1_500, allowedFiles: 100 });
    expect(preview.first).toHaveLength(50);
    expect(await retention.preview(USER_ID, 36_500)).toMatchObject({ files: 0 });
    expect(await trashed()).toBe('0');
  });

  it('asks before many go, and takes exactly what was confirmed', async () => {
    world.aheadMs += 11 * DAY_MS;
    await world.query(`UPDATE cloud_files SET protected = true WHERE id = (SELECT min(id) FROM cloud_files)`);
    expect(await retention.run(USER_ID, NEVER)).toBe(0);
    const asking = await retention.state(USER_ID);
    expect(asking).toMatchObject({ state: 'asking', plannedFiles: 149, plannedBytes: 1_490 });
    const cutoffMs = asking!.plannedCutoff!.getTime();
    const wrong = [
      { files: 150, cutoffMs },
      { files: 149, cutoffMs: cutoffMs + 1 },
    ];
    for (const plan of wrong)
      await expect(retention.confirm(USER_ID, plan, {})).rejects.toMatchObject({ code: 'plan_changed' });
    await retention.confirm(USER_ID, { files: 149, cutoffMs }, {});
    // The younger ones are too old by now, and nobody has confirmed them.
    world.aheadMs += 25 * DAY_MS;
    expect(await retention.run(USER_ID, NEVER)).toBe(149);
    expect(await trashed()).toBe('149');
    expect(await retention.state(USER_ID)).toMatchObject({ state: 'idle', lastTrashedFiles: 149 });
    const [entry] = await world.query<{ details: { file_ids: number[] } }>(
      `SELECT details FROM audit_log WHERE action = 'files.trashed_by_retention'`,
    );
    expect(entry!.details.file_ids).toHaveLength(149);
  });

  it('takes nothing while the database is older than the bucket', async () => {
    const current = epochs;
    await world.epochs().adopt(world.opened());
    await world.query('UPDATE bucket_epochs SET epoch_id = gen_random_uuid()');
    expect(await retention.run(USER_ID, NEVER)).toBe(0);
    expect(await retention.state(USER_ID)).toMatchObject({ state: 'locked' });
    await world.epochs().adopt(world.opened());
    epochs = current;
    expect(await retention.run(USER_ID, NEVER)).toBe(50);
    expect(await trashed()).toBe('199');
  });

  it('counts the age of what came out of the trash from then on', async () => {
    await world.query(
      `UPDATE cloud_files SET state = 'stored', restored_at = $1
        WHERE id IN (SELECT id FROM cloud_files WHERE state = 'trashed' ORDER BY id LIMIT 2)`,
      new Date(world.now()).toISOString(),
    );
    expect(await retention.run(USER_ID, NEVER)).toBe(0);
    world.aheadMs += 31 * DAY_MS;
    expect(await retention.run(USER_ID, NEVER)).toBe(2);
  });

  it('is due once a day, and after a change of the setting', async () => {
    await files(1);
    const due = () => retention.takeDue(10);
    await world.query('UPDATE retention_states SET next_run_at = now()');
    expect(await due()).toEqual([USER_ID]);
    expect(await due()).toEqual([]);
    await world.query('UPDATE sync_settings SET retention_days = 31');
    expect(await due()).toEqual([USER_ID]);
    expect(await due()).toEqual([]);
  });
});
