import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Actor } from '../../../src/credentials/cloud-configs.service.js';
import { connectionTestResult } from '../../../src/storage-providers/connection-test.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { startS3Double, type S3Double } from '../../support/s3-double/s3-double.js';
import { SettingsProcess } from './settings-process.js';

describe('settings of a bucket', () => {
  let database: TestDatabase;
  let dataDir: string;
  let running: SettingsProcess[];
  let one: SettingsProcess;
  let actor: Actor;

  beforeEach(async () => {
    database = await createTestDatabase();
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-settings-'));
    running = [];
    one = await start();
    actor = await one.newActor();
  });

  afterEach(async () => {
    await Promise.all(running.map((process) => process.stop()));
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(variables: Record<string, string> = {}): Promise<SettingsProcess> {
    const process = await SettingsProcess.start({
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
      ...variables,
    });
    running.push(process);
    return process;
  }

  const save = (body: object, process = one, by = actor) =>
    process.settings.save(by, body as Record<string, unknown>, { test: false });

  const B2 = {
    provider: 'backblaze_b2',
    bucket_name: 'my-bucket',
    key_id: '004canary0000000000000001',
    application_key: 'K004canarycanarycanarycanary1',
    region: 'us-west-004',
  };

  function rows(): Promise<Record<string, unknown>[]> {
    return one.database.query('SELECT * FROM cloud_configs ORDER BY id');
  }

  describe('are saved', () => {
    it('sealed, with what may be shown beside', async () => {
      const saved = await save(B2);
      expect(saved).toMatchObject({
        provider: 'backblaze_b2',
        bucketName: 'my-bucket',
        isActive: true,
        version: 1,
        settings: { bucket_name: 'my-bucket', region: 'us-west-004', prefix: 'stowage/' },
        secretHints: { key_id: '0001', application_key: 'ary1' },
        lastTest: null,
        lastTestSuccess: null,
      });
      expect(JSON.stringify(await rows())).not.toContain('canary');
    });

    it('as history: each change is a new row and the next version', async () => {
      await save(B2);
      await save({ ...B2, bucket_name: 'second-bucket' });
      await save({ provider: 'local_disk', bucket_name: 'files' });
      const all = await rows();
      expect(all.map(({ version, is_active: active }) => [version, active])).toEqual([
        [1, false],
        [2, false],
        [3, true],
      ]);
      expect(all.every((row) => row.encrypted_config !== '')).toBe(true);
    });

    it('one after the other when they come together: none fails, one is active, none is lost', async () => {
      const second = await start();
      const bodies = Array.from({ length: 12 }, (_, index) => ({
        provider: 'local_disk',
        bucket_name: `b${index}`,
      }));
      const outcomes = await Promise.allSettled(
        bodies.map((body, index) => save(body, index % 2 === 0 ? one : second)),
      );
      const failures = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason.code] : [],
      );
      expect(failures.every((code) => code === 'settings_changed')).toBe(true);
      const all = await rows();
      expect(all.length).toBe(bodies.length - failures.length);
      expect(all.filter((row) => row.is_active)).toHaveLength(1);
      expect(new Set(all.map((row) => row.version)).size).toBe(all.length);
    });

    it('by one only of those who name the state that they saw', async () => {
      const { version } = await save(B2);
      const ifMatch = `"${version}"`;
      const outcomes = await Promise.allSettled(
        ['first', 'second', 'third'].map((name) =>
          one.settings.save(actor, { provider: 'local_disk', bucket_name: name }, { test: false, ifMatch }),
        ),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          expect(outcome.reason).toMatchObject({ code: 'precondition_failed' });
      }
    });

    it('with their record in the audit log, which holds no secret', async () => {
      await save(B2);
      await one.settings.forget(actor, undefined);
      const entries = await one.database.query(
        'SELECT user_id, action, subject, details, address FROM audit_log ORDER BY id',
      );
      expect(entries).toMatchObject([
        {
          user_id: actor.principal.userId,
          action: 'settings.changed',
          details: { provider: 'backblaze_b2', bucket_name: 'my-bucket', version: 1 },
          address: '192.0.2.1',
        },
        { action: 'settings.forgotten' },
      ]);
      expect(JSON.stringify(entries)).not.toContain('canary');
    });

    it('not at all when their record cannot be written', async () => {
      await one.database.query('ALTER TABLE audit_log ADD CONSTRAINT closed CHECK (false) NOT VALID');
      await expect(save(B2)).rejects.toThrow();
      expect(await rows()).toEqual([]);
    });

    it('with the installation\u2019s default region written down', async () => {
      const west = await start({ AWS_DEFAULT_REGION: 'us-west-2' });
      const body = {
        provider: 'aws',
        bucket_name: 'my-bucket',
        access_key: 'AKIAEXAMPLE000000001',
        secret_key: 's3cr3t',
      };
      expect((await save(body, west)).settings).toMatchObject({ region: 'us-west-2' });
      expect((await save(body)).settings).toMatchObject({ region: 'us-east-1' });
    });
  });

  describe('keep a secret that is left out', () => {
    it('for the same provider and address', async () => {
      await save(B2);
      const { key_id: _, application_key: __, ...rest } = B2;
      const saved = await save({ ...rest, bucket_name: 'second-bucket' });
      expect(saved).toMatchObject({ version: 2, secretHints: { key_id: '0001', application_key: 'ary1' } });
      expect(await one.storages.active(actor.principal.userId)).toMatchObject({
        bucketName: 'second-bucket',
      });
    });

    it.each([
      ['another provider', { provider: 'digitalocean', bucket_name: 'my-bucket', region: 'fra1' }],
      ['another region', { provider: 'backblaze_b2', bucket_name: 'my-bucket', region: 'eu-central-003' }],
    ])('but not for %s', async (_, body) => {
      await save(B2);
      await expect(save(body)).rejects.toMatchObject({ code: 'validation_failed' });
      expect(await rows()).toHaveLength(1);
    });

    it('but not those of another user', async () => {
      await save(B2);
      const { key_id: _, application_key: __, ...rest } = B2;
      await expect(save(rest, one, await one.newActor())).rejects.toMatchObject({
        code: 'validation_failed',
      });
    });
  });

  it('name all that is wrong at once, with pointers', async () => {
    const wrong = { provider: 'backblaze_b2', bucket_name: 'A_B', region: 'x/y', surprise: 1, key_id: '004' };
    await expect(save(wrong)).rejects.toMatchObject({
      code: 'validation_failed',
      errors: expect.arrayContaining(
        ['/bucket_name', '/region', '/surprise', '/application_key'].map((pointer) =>
          expect.objectContaining({ pointer }),
        ),
      ),
    });
  });

  it.each([undefined, 7, ['aws_s3'], 'AWS_S3', '__proto__', 'constructor', ''])(
    'refuse the provider %p',
    async (provider) => {
      await expect(save({ ...B2, provider })).rejects.toMatchObject({
        code: 'validation_failed',
        errors: [{ pointer: '/provider' }],
      });
    },
  );

  it('refuse a body of more than 64 KiB', async () => {
    await expect(save({ ...B2, junk: 'x'.repeat(65_536) })).rejects.toMatchObject({
      code: 'payload_too_large',
    });
  });

  describe('are forgotten', () => {
    it('with all credentials, those of earlier settings too, while the rows stay', async () => {
      const first = await save(B2);
      await save({ ...B2, bucket_name: 'second-bucket' });
      await one.settings.forget(actor, undefined);
      const all = await rows();
      expect(all).toHaveLength(2);
      for (const row of all) {
        expect(row).toMatchObject({ encrypted_config: '', secret_hints: {}, is_active: false });
        expect(row.forgotten_at).not.toBeNull();
      }
      const { userId } = actor.principal;
      await expect(one.storages.active(userId)).rejects.toMatchObject({ code: 'cloud_not_configured' });
      await expect(one.storages.byConfigId(userId, first.id)).rejects.toMatchObject({
        code: 'cloud_not_configured',
      });
    });

    it('only in the state that was seen', async () => {
      await save(B2);
      await save({ ...B2, bucket_name: 'second-bucket' });
      await expect(one.settings.forget(actor, '"1"')).rejects.toMatchObject({ code: 'precondition_failed' });
      await one.settings.forget(actor, '"2"');
    });

    it('so that a change prepared before does not bring them back', async () => {
      const { version } = await save(B2);
      await one.settings.forget(actor, undefined);
      const { key_id: _, application_key: __, ...rest } = B2;
      const late = one.settings.save(actor, B2, { test: false, ifMatch: `"${version}"` });
      await expect(late).rejects.toMatchObject({ code: 'precondition_failed' });
      await expect(save(rest)).rejects.toMatchObject({ code: 'validation_failed' });
      expect((await save(B2)).version).toBeGreaterThan(version + 1);
    });

    it('without complaint when there are none', async () => {
      await one.settings.forget(actor, undefined);
      expect(await rows()).toEqual([]);
    });
  });

  describe('with a damaged ciphertext', () => {
    it('say so, and leave the row alone', async () => {
      const saved = await save(B2);
      const damaged = [...saved.encryptedConfig].reverse().join('');
      await one.database.query('UPDATE cloud_configs SET encrypted_config = $1', [damaged]);
      const other = await start();
      await expect(other.storages.active(actor.principal.userId)).rejects.toMatchObject({
        code: 'credentials_unreadable',
      });
      const { key_id: _, application_key: __, ...rest } = B2;
      await expect(save(rest, other)).rejects.toMatchObject({ code: 'credentials_unreadable' });
      expect((await rows()).map((row) => row.encrypted_config)).toEqual([damaged]);
      // New credentials make a new row and need not open the old one.
      expect((await save(B2, other)).version).toBe(2);
      expect((await rows())[0]?.encrypted_config).toBe(damaged);
    });
  });

  it('are refused while the service is sealed, and nothing is written', async () => {
    await save(B2);
    const before = await rows();
    const sealed = await start({ ENCRYPTION_KEY: 'a'.repeat(64) });
    const { userId } = actor.principal;
    await expect(save(B2, sealed)).rejects.toMatchObject({ code: 'sealed' });
    await expect(sealed.settings.forget(actor, undefined)).rejects.toMatchObject({ code: 'sealed' });
    await expect(sealed.storages.active(userId)).rejects.toMatchObject({ code: 'sealed' });
    await expect(sealed.settings.test(actor, undefined, AbortSignal.timeout(5_000))).rejects.toMatchObject({
      code: 'sealed',
    });
    expect(await sealed.superseded.sweep()).toBe(0);
    expect(await rows()).toEqual(before);
  });

  describe('the operator\u2019s Google key', () => {
    const body = { provider: 'google_gcs', bucket_name: 'my-bucket' };
    let path: string;

    beforeEach(() => {
      path = join(dataDir, 'service-account.json');
    });

    const keyFile = (more: object = {}): string => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
      const email = 'stowage@project.iam.gserviceaccount.com';
      return JSON.stringify({
        type: 'service_account',
        client_email: email,
        private_key: pem,
        private_key_id: '0123456789abcdef',
        ...more,
      });
    };

    it('serves an administrator who leaves the key out', async () => {
      await writeFile(path, keyFile());
      const process = await start({ GOOGLE_APPLICATION_CREDENTIALS: path });
      const saved = await save(body, process, await process.newActor(['admin']));
      expect(saved.secretHints).toEqual({ service_account_json: 'cdef' });
    });

    it('serves nobody else', async () => {
      await writeFile(path, keyFile());
      const process = await start({ GOOGLE_APPLICATION_CREDENTIALS: path });
      await expect(save(body, process)).rejects.toMatchObject({
        errors: [{ pointer: '/service_account_json' }],
      });
    });

    it('must keep the rules of a user\u2019s own', async () => {
      await writeFile(path, keyFile({ type: 'external_account' }));
      const process = await start({ GOOGLE_APPLICATION_CREDENTIALS: path });
      const admin = await process.newActor(['admin']);
      await expect(save(body, process, admin)).rejects.toMatchObject({ code: 'validation_failed' });
    });
  });

  describe('a test', () => {
    const signal = AbortSignal.timeout(60_000);

    it('of the saved settings notes when it was and how it ended, and what the bucket can do', async () => {
      await save({ provider: 'local_disk', bucket_name: 'files' });
      const result = await connectionTestResult(await one.settings.test(actor, undefined, signal));
      expect(result.checks.filter(({ status }) => status === 'failed')).toEqual([]);
      expect(result.success).toBe(true);
      const { active } = await one.settings.seen(actor.principal.userId);
      expect(active).toMatchObject({
        lastTest: new Date(one.clock.ms),
        lastTestSuccess: true,
        capabilities: { createOnly: true, contentBound: 'sha256' },
        version: 1,
      });
      expect(await allFiles(join(dataDir, 'buckets'))).toEqual([]);
    });

    it('notices that the disk which held the folder is gone, and does not make the folder elsewhere', async () => {
      await save({ provider: 'local_disk', bucket_name: 'files' });
      await connectionTestResult(await one.settings.test(actor, undefined, signal));
      await rm(join(dataDir, 'buckets'), { recursive: true });
      const result = await connectionTestResult(await one.settings.test(actor, undefined, signal));
      expect(result).toMatchObject({ success: false, error: 'Bucket not found' });
      expect((await one.settings.seen(actor.principal.userId)).active).toMatchObject({
        lastTestSuccess: false,
      });
      expect(await readdir(dataDir)).not.toContain('buckets');
    });

    it('of settings in the request notes nothing', async () => {
      await save({ provider: 'local_disk', bucket_name: 'files' });
      const unsaved = { provider: 'local_disk', bucket_name: 'other' };
      const result = await connectionTestResult(await one.settings.test(actor, unsaved, signal));
      expect(result.success).toBe(true);
      expect((await one.settings.seen(actor.principal.userId)).active?.lastTest).toBeNull();
    });

    it('needs settings', async () => {
      await expect(one.settings.test(actor, undefined, signal)).rejects.toMatchObject({
        code: 'cloud_not_configured',
      });
    });

    it('runs a bounded number of times at once', async () => {
      await save({ provider: 'local_disk', bucket_name: 'files' });
      const tests = await Promise.all(
        Array.from({ length: 6 }, () => one.settings.test(actor, undefined, signal)),
      );
      const first = await Promise.allSettled(tests.map((test) => test.next()));
      const refused = first.filter(({ status }) => status === 'rejected');
      expect(refused).toHaveLength(2);
      expect(refused).toMatchObject([
        { reason: { code: 'rate_limited' } },
        { reason: { code: 'rate_limited' } },
      ]);
      await Promise.all(tests.map((test) => test.return()));
      const after = await connectionTestResult(await one.settings.test(actor, undefined, signal));
      expect(after.success).toBe(true);
    });
  });

  describe('with a test before they are saved', () => {
    let double: S3Double;

    beforeEach(async () => {
      double = await startS3Double();
    });

    afterEach(() => double.stop());

    const body = (more: object = {}): Record<string, unknown> => ({
      provider: 's3_compatible',
      endpoint: double.endpoint,
      bucket_name: double.bucket,
      region: double.region,
      access_key_id: double.users.full.accessKeyId,
      secret_access_key: double.users.full.secretAccessKey,
      ...more,
    });

    it('are saved with the result when they pass', async () => {
      const saved = await one.settings.save(actor, body(), { test: true });
      expect(saved).toMatchObject({
        lastTest: new Date(one.clock.ms),
        lastTestSuccess: true,
        capabilities: { createOnly: true, contentBound: 'sha256' },
      });
    });

    it('leave what is there untouched when they fail', async () => {
      await save({ provider: 'local_disk', bucket_name: 'files' });
      const before = await rows();
      const wrong = body({ secret_access_key: 'wrong-wrong-wrong-wrong' });
      await expect(one.settings.save(actor, wrong, { test: true })).rejects.toMatchObject({
        code: 'invalid_credentials',
      });
      await double.stop();
      await expect(one.settings.save(actor, body(), { test: true })).rejects.toMatchObject({
        code: 'connection_failed',
        message: expect.stringMatching(/^Endpoint unreachable\. /),
      });
      expect(await rows()).toEqual(before);
      double = await startS3Double();
    });
  });
});

async function allFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}
