import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Actor } from '../../../src/credentials/cloud-configs.service.js';
import type { OpenedConfig } from '../../../src/credentials/cloud-storages.service.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { startS3Double, type S3Double } from '../../support/s3-double/s3-double.js';
import { newUser, type S3User } from '../../support/s3-double/users.js';
import { SettingsProcess } from './settings-process.js';

describe('opened buckets', () => {
  let database: TestDatabase;
  let dataDir: string;
  let running: SettingsProcess[];
  let one: SettingsProcess;
  let actor: Actor;
  let userId: number;
  let double: S3Double;
  const secondKey = newUser('second');

  beforeEach(async () => {
    database = await createTestDatabase();
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-storages-'));
    running = [];
    double = await startS3Double({ users: [secondKey], buckets: ['stowage-test', 'other-bucket'] });
    one = await start();
    actor = await one.newActor();
    userId = actor.principal.userId;
  });

  afterEach(async () => {
    await Promise.all(running.map((process) => process.stop()));
    await double.stop();
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(): Promise<SettingsProcess> {
    const process = await SettingsProcess.start({
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
    });
    running.push(process);
    return process;
  }

  function s3(more: object = {}, user: S3User = double.users.full): Record<string, unknown> {
    return {
      provider: 's3_compatible',
      endpoint: double.endpoint,
      bucket_name: double.bucket,
      region: double.region,
      access_key_id: user.accessKeyId,
      secret_access_key: user.secretAccessKey,
      ...more,
    };
  }

  const save = (body: Record<string, unknown>, process = one) =>
    process.settings.save(actor, body, { test: false });

  async function write({ storage }: OpenedConfig, key: string, content: string): Promise<void> {
    await storage.put(key, Buffer.from(content), { sizeBytes: content.length });
  }

  async function read({ storage }: OpenedConfig, key: string): Promise<string> {
    return text((await storage.get(key)).body);
  }

  it('work below the prefix of the user', async () => {
    await save(s3({ prefix: 'mine/' }));
    await write(await one.storages.active(userId), 'f/1', 'hello');
    expect(double.store.sortedKeys(double.bucket)).toEqual(['mine/f/1']);
  });

  it('stay open: it is the same storage for every call', async () => {
    await save(s3());
    const first = await one.storages.active(userId);
    for (let call = 0; call < 50; call += 1) expect(await one.storages.active(userId)).toBe(first);
    one.clock.ms += 60_000;
    expect((await one.storages.active(userId)).storage).toBe(first.storage);
  });

  it('need no statement while they are fresh, and are not handed out unasked afterwards', async () => {
    await save(s3());
    await one.storages.active(userId);
    await one.database.query('ALTER TABLE cloud_configs RENAME TO cloud_configs_away');
    await one.storages.active(userId);
    one.clock.ms += 1_000;
    await expect(one.storages.active(userId)).rejects.toThrow();
    await one.database.query('ALTER TABLE cloud_configs_away RENAME TO cloud_configs');
    await one.storages.active(userId);
  });

  it('change at once in the process that changed the settings, and within a second in the others', async () => {
    const two = await start();
    await save(s3());
    await one.storages.active(userId);
    await two.storages.active(userId);
    await save(s3({ bucket_name: 'other-bucket' }));
    expect(await one.storages.active(userId)).toMatchObject({ bucketName: 'other-bucket' });
    two.clock.ms += 1_000;
    expect(await two.storages.active(userId)).toMatchObject({ bucketName: 'other-bucket' });
  });

  it('are gone within a second in all processes when the credentials are forgotten', async () => {
    const two = await start();
    const { id } = await save(s3());
    await two.storages.active(userId);
    await two.storages.byConfigId(userId, id);
    await one.settings.forget(actor, undefined);
    await expect(one.storages.active(userId)).rejects.toMatchObject({ code: 'cloud_not_configured' });
    two.clock.ms += 1_000;
    await expect(two.storages.active(userId)).rejects.toMatchObject({ code: 'cloud_not_configured' });
    await expect(two.storages.byConfigId(userId, id)).rejects.toMatchObject({ code: 'cloud_not_configured' });
  });

  it('finish what is under way when the settings change', async () => {
    await save(s3());
    const opened = await one.storages.active(userId);
    await write(opened, 'f/1', 'hello');
    const content = await opened.storage.get('f/1');
    await save(s3({ bucket_name: 'other-bucket' }));
    expect(await text(content.body)).toBe('hello');
    await write(opened, 'f/2', 'late');
    expect(double.store.sortedKeys(double.bucket)).toEqual(['stowage/f/1', 'stowage/f/2']);
  });

  it('use what the connection test found', async () => {
    await save(s3());
    expect((await one.storages.active(userId)).storage.capabilities.createOnly).toBe(false);
    for await (const _ of await one.settings.test(actor, undefined, AbortSignal.timeout(30_000)));
    expect((await one.storages.active(userId)).storage.capabilities).toEqual({
      createOnly: true,
      contentBound: 'sha256',
    });
    // Another key for the same bucket: what was found stays true.
    await save(s3({}, secondKey));
    expect((await one.storages.active(userId)).storage.capabilities.createOnly).toBe(true);
    await save(s3({ bucket_name: 'other-bucket' }));
    expect((await one.storages.active(userId)).storage.capabilities.createOnly).toBe(false);
  });

  describe('of an earlier configuration', () => {
    it('are read with the new key when only the key changed, also when the old one is revoked', async () => {
      const first = await save(s3());
      await write(await one.storages.active(userId), 'f/1', 'hello');
      await save(s3({}, secondKey));
      double.log.clear();
      expect(await read(await one.storages.byConfigId(userId, first.id), 'f/1')).toBe('hello');
      const [call] = double.log.of('GetObject');
      expect(call?.requestHeaders.authorization).toContain(secondKey.accessKeyId);
    });

    it('are read below the prefix of their time', async () => {
      const first = await save(s3({ prefix: 'early/' }));
      await write(await one.storages.active(userId), 'f/1', 'hello');
      await save(s3({ prefix: 'late/' }, secondKey));
      expect(await read(await one.storages.byConfigId(userId, first.id), 'f/1')).toBe('hello');
    });

    it('are read with their own key when they lie in another bucket', async () => {
      const first = await save(s3());
      await write(await one.storages.active(userId), 'f/1', 'hello');
      await save({ provider: 'local_disk', bucket_name: 'files' });
      const opened = await one.storages.byConfigId(userId, first.id);
      expect(opened).toMatchObject({
        configId: first.id,
        provider: 's3_compatible',
        bucketName: double.bucket,
      });
      expect(await read(opened, 'f/1')).toBe('hello');
    });

    it('are read again when the same bucket is configured anew after it was forgotten', async () => {
      const first = await save(s3());
      await write(await one.storages.active(userId), 'f/1', 'hello');
      await one.settings.forget(actor, undefined);
      await save(s3({}, secondKey));
      expect(await read(await one.storages.byConfigId(userId, first.id), 'f/1')).toBe('hello');
    });

    it('are not there for another user', async () => {
      const { id } = await save(s3());
      const { principal } = await one.newActor();
      await expect(one.storages.byConfigId(principal.userId, id)).rejects.toMatchObject({
        code: 'cloud_not_configured',
      });
    });
  });

  it('have their calls counted by provider, operation and outcome', async () => {
    await save(s3());
    const opened = await one.storages.active(userId);
    await write(opened, 'f/1', 'hello');
    await expect(opened.storage.get('f/2')).rejects.toMatchObject({ code: 'object_not_found' });
    const metrics = await one.metrics();
    const counter = (operation: string, outcome: string) =>
      `stowage_storage_requests_total{provider="s3_compatible",operation="${operation}",outcome="${outcome}"} 1`;
    expect(metrics).toContain(counter('put', 'ok'));
    expect(metrics).toContain(counter('get', 'object_not_found'));
    expect(metrics).toMatch(/stowage_storage_request_duration_seconds_count\{.*operation="put"\} 1/);
  });

  it('of local_disk are apart for each user, although they have the same name', async () => {
    const other = await one.newActor();
    const body = { provider: 'local_disk', bucket_name: 'files' };
    await save(body);
    await one.settings.save(other, body, { test: false });
    await write(await one.storages.active(userId), 'f/1', 'mine');
    const theirs = await one.storages.active(other.principal.userId);
    await expect(theirs.storage.head('f/1')).rejects.toMatchObject({ code: 'object_not_found' });
  });

  describe('superseded credentials', () => {
    const age = (hours: number) =>
      one.database.query('UPDATE cloud_configs SET updated_at = now() - make_interval(hours => $1)', [hours]);

    async function readable(): Promise<number[]> {
      const rows: { id: number }[] = await one.database.query(
        "SELECT id FROM cloud_configs WHERE encrypted_config <> '' ORDER BY id",
      );
      return rows.map(({ id }) => id);
    }

    async function holdsAFile(configId: number): Promise<void> {
      await one.database.query(
        `INSERT INTO cloud_files (user_id, filename, file_size, cloud_url, provider, cloud_config_id, object_key)
         VALUES ($1, 'a', 1, 's3://a', 's3_compatible', $2, 'f/1')`,
        [userId, configId],
      );
    }

    it('stay for a day, for the work that began with them', async () => {
      const first = await save(s3());
      const second = await save(s3({}, secondKey));
      await age(23);
      expect(await one.superseded.sweep()).toBe(0);
      expect(await readable()).toEqual([first.id, second.id]);
    });

    it('are destroyed afterwards when the present key opens the same bucket', async () => {
      const first = await save(s3());
      await holdsAFile(first.id);
      const second = await save(s3({}, secondKey));
      await age(25);
      expect(await one.superseded.sweep()).toBe(1);
      expect(await readable()).toEqual([second.id]);
      await expect(one.storages.byConfigId(userId, first.id)).resolves.toMatchObject({ configId: first.id });
    });

    it('stay as long as their bucket holds files that no other key can read', async () => {
      const first = await save(s3());
      await holdsAFile(first.id);
      const second = await save({ provider: 'local_disk', bucket_name: 'files' });
      await age(1_000);
      expect(await one.superseded.sweep()).toBe(0);
      await one.database.query('DELETE FROM cloud_files');
      expect(await one.superseded.sweep()).toBe(1);
      expect(await readable()).toEqual([second.id]);
    });

    it('are destroyed once, and on record, when several processes sweep', async () => {
      const two = await start();
      await save(s3());
      await save(s3({}, secondKey));
      await age(25);
      const destroyed = await Promise.all([one.superseded.sweep(), two.superseded.sweep()]);
      expect(destroyed.reduce((sum, count) => sum + count)).toBe(1);
      const [entry] = await one.database.query(
        "SELECT count(*)::integer AS count FROM audit_log WHERE action = 'settings.superseded_destroyed'",
      );
      expect(entry.count).toBe(1);
    });
  });
});
