import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  connectionTestResult,
  testConnection,
  type ConnectionTestEvent,
} from '../../../src/storage-providers/connection-test.js';
import { CHECK_IDS } from '../../../src/storage-providers/connection-checks/check.js';
import type { ConnectionTestResult } from '../../../src/storage-providers/connection-checks/fold-result.js';
import { createDialer } from '../../../src/storage-providers/dialer.js';
import { s3Compatible } from '../../../src/storage-providers/providers/s3-compatible.js';
import type { ConnectContext, ProviderSettings } from '../../../src/storage-providers/storage-provider.js';
import { S3_CORS } from '../../../src/storage-providers/cors-advice.js';
import { readCorsRules } from '../../support/s3-double/cors.js';
import { startS3Double, type S3Double, type S3DoubleOptions } from '../../support/s3-double/s3-double.js';
import { HOSTILE_LISTINGS } from '../../support/hostile-listings.js';
import type { S3User } from '../../support/s3-double/users.js';

const corsOrigins = ['https://app.example'];
const rulesFor = (origins: readonly string[]) => readCorsRules(S3_CORS.rules(origins));

const context: ConnectContext = {
  corsOrigins,
  dialer: createDialer({ allowedPrivateEndpoints: ['127.0.0.1'] }),
  localDiskRoot: '/nowhere',
  timeouts: { connectMs: 2_000, responseMs: 2_000, idleBodyMs: 2_000 },
};

describe('the connection test on an S3 bucket', () => {
  let double: S3Double;

  beforeEach(async () => {
    double = await startS3Double({ corsRules: rulesFor(corsOrigins) });
  });

  afterEach(() => double.stop());

  async function other(options: S3DoubleOptions): Promise<void> {
    await double.stop();
    double = await startS3Double(options);
  }

  function settings(
    changes: Partial<ProviderSettings> = {},
    user: S3User = double.users.full,
  ): ProviderSettings {
    return {
      endpoint: double.endpoint,
      bucket_name: double.bucket,
      region: double.region,
      access_key_id: user.accessKeyId,
      secret_access_key: user.secretAccessKey,
      path_style: 'true',
      prefix: 'stowage/',
      ...changes,
    };
  }

  function run(
    given: ProviderSettings = settings(),
    options: { signal?: AbortSignal; now?: () => number; deadlineMs?: number } = {},
  ): AsyncGenerator<ConnectionTestEvent> {
    return testConnection(s3Compatible, given, context, { now: () => Date.now(), ...options });
  }

  const resultOf = (...args: Parameters<typeof run>): Promise<ConnectionTestResult> =>
    connectionTestResult(run(...args));

  function leftInBucket(): string[] {
    const { store, bucket } = double;
    return store.sortedKeys(bucket).filter((key) => store.find(bucket, key) !== undefined);
  }

  it('passes every check on a bucket that can do everything, and leaves nothing behind', async () => {
    const result = await resultOf();
    expect(statuses(result)).toEqual({
      ...Object.fromEntries(CHECK_IDS.map((id) => [id, 'passed'])),
      dns: 'skipped',
      tls: 'warning',
    });
    expect(result).toMatchObject({
      success: true,
      message: 'Connection successful',
      bucketAccessible: true,
      writePermission: true,
      readPermission: true,
      deletePermission: true,
      capabilities: { createOnly: true, contentBound: 'sha256' },
    });
    expect(result).not.toHaveProperty('error');
    expect(leftInBucket()).toEqual([]);
  });

  it('tells each check when it starts and when it ends, in order, and the result last', async () => {
    const events: ConnectionTestEvent[] = [];
    for await (const event of run()) events.push(event);
    const wanted = CHECK_IDS.flatMap((id) => [`check.started ${id}`, `check.finished ${id}`]);
    expect(events.map(describeEvent)).toEqual([...wanted, 'result']);
  });

  it('writes only below the prefix, under names that never repeat', async () => {
    await resultOf();
    await resultOf();
    const written = double.log.of('PutObject').map((call) => call.key);
    expect(written.length).toBeGreaterThan(8);
    expect(written.every((key) => key.startsWith('stowage/_stowage-test/'))).toBe(true);
    expect(new Set(written.map((key) => key.split('/')[2])).size).toBe(2);
  });

  describe('finds what a bucket can do', () => {
    it.each([
      ['aws', { createOnly: true, contentBound: 'sha256' }],
      ['b2', { createOnly: false, contentBound: 'md5' }],
      ['r2', { createOnly: true, contentBound: 'sha256' }],
      ['spaces', { createOnly: true, contentBound: 'md5' }],
    ] as const)('of personality %s', async (personality, capabilities) => {
      await other({ personality });
      const result = await resultOf(settings({ region: personality === 'r2' ? 'auto' : double.region }));
      expect(result.checks.filter((check) => check.status === 'failed')).toEqual([]);
      expect(result.capabilities).toEqual(capabilities);
      expect(leftInBucket()).toEqual([]);
    });

    it('when it lets no web page in, and says how to', async () => {
      await other({ corsRules: rulesFor(['https://other.example']) });
      const result = await resultOf();
      expect(result.success).toBe(true);
      expect(result.checks.find(({ id }) => id === 'cors')).toMatchObject({
        status: 'warning',
        code: 'cors_refused',
        repair: expect.stringContaining('https://app.example'),
      });
      expect(leftInBucket()).toEqual([]);
    });

    it('when conditions and digests are silently ignored', async () => {
      await other({
        traits: { conditionalWrites: 'ignored', checksumHeaders: 'ignored', contentMd5: 'ignored' },
      });
      const result = await resultOf();
      expect(result).toMatchObject({
        success: true,
        capabilities: { createOnly: false, contentBound: 'none' },
      });
      expect(statuses(result)).toMatchObject({ conditional_create: 'warning', presigned_put: 'warning' });
    });
  });

  describe('names what is wrong', () => {
    it('a key that does not exist', async () => {
      const result = await resultOf(settings({ access_key_id: 'AKIAUNKNOWNUNKNOWN00' }));
      expect(result).toMatchObject({
        success: false,
        error: 'Invalid credentials',
        bucketAccessible: false,
        writePermission: null,
      });
      expect(failedCheck(result)).toMatchObject({ id: 'credentials', code: 'invalid_credentials' });
      expect(result.repair).toMatch(/access_key_id/);
      expect(skippedFrom(result, 'bucket')).toBe(true);
    });

    it('a secret that does not belong to the key', async () => {
      const result = await resultOf(settings({ secret_access_key: 'wrong-secret-wrong-secret' }));
      expect(result.error).toBe('Invalid credentials');
      expect(result.details).toMatch(/secret_access_key/);
      expect(JSON.stringify(result)).not.toContain('wrong-secret');
    });

    it('a bucket that does not exist', async () => {
      const result = await resultOf(settings({ bucket_name: 'no-such-bucket' }));
      expect(result.error).toBe('Bucket not found');
      expect(failedCheck(result)).toMatchObject({ id: 'bucket', code: 'bucket_not_found' });
      expect(statuses(result)).toMatchObject({ credentials: 'passed', region: 'skipped', write: 'skipped' });
    });

    it('a bucket in another region, with the region to set', async () => {
      await other({ buckets: [{ name: 'far-away', region: 'ap-south-1' }] });
      const result = await resultOf(settings({ bucket_name: 'far-away' }));
      expect(result.error).toBe('Wrong region');
      expect(failedCheck(result)).toMatchObject({ id: 'region', code: 'wrong_region' });
      expect(result.repair).toContain('ap-south-1');
      expect(statuses(result)).toMatchObject({ credentials: 'skipped', list: 'skipped' });
    });

    it('a region that signs for another endpoint', async () => {
      const result = await resultOf(settings({ region: 'us-east-1' }));
      expect(result).toMatchObject({ error: 'Wrong region', repair: expect.stringContaining('eu-west-1') });
    });

    it('an address where nobody answers', async () => {
      const gone = settings();
      await double.stop();
      const result = await resultOf(gone);
      expect(result).toMatchObject({ error: 'Endpoint unreachable', bucketAccessible: false });
      expect(failedCheck(result)).toMatchObject({ id: 'tls', code: 'endpoint_unreachable' });
      expect(skippedFrom(result, 'clock')).toBe(true);
      double = await startS3Double();
    });

    it('an address that policy forbids, without connecting', async () => {
      const strict = { ...context, dialer: createDialer({ allowedPrivateEndpoints: [] }) };
      const events = testConnection(s3Compatible, settings(), strict, { now: () => Date.now() });
      const result = await connectionTestResult(events);
      expect(failedCheck(result)).toMatchObject({ id: 'dns', code: 'endpoint_unreachable' });
      expect(double.log.calls).toEqual([]);
    });

    it('a web server that is no object store', async () => {
      await other({ personality: 'broken' });
      const result = await resultOf();
      expect(result.success).toBe(false);
      expect(failedCheck(result)).toMatchObject({ id: 'credentials', code: 'endpoint_unreachable' });
      expect(result.details).toBe('This address answers but is not an S3 service.');
    });

    it('a clock that is wrong, before the key is blamed', async () => {
      double.clockOffsetMs = 20 * 60_000;
      const result = await resultOf();
      expect(result).toMatchObject({ error: 'Clock skew', repair: expect.stringContaining('timedatectl') });
      expect(failedCheck(result)).toMatchObject({ id: 'clock', code: 'clock_skew' });
      expect(statuses(result)).toMatchObject({ credentials: 'skipped', write: 'skipped' });
    });

    it('a clock that is a little off, as a warning with the distance', async () => {
      double.clockOffsetMs = -90_000;
      const result = await resultOf();
      const clock = result.checks.find((check) => check.id === 'clock');
      expect(result.success).toBe(true);
      expect(clock).toMatchObject({ status: 'warning' });
      expect(Math.abs(Number(clock?.observed?.provider_ahead_ms) + 90_000)).toBeLessThan(20_000);
    });

    it.each([
      ['readOnly', 'write', 'writePermission', 's3:PutObject'],
      ['noGet', 'read_back', 'readPermission', 's3:GetObject'],
      ['noDelete', 'delete', 'deletePermission', 's3:DeleteObject'],
      ['noList', 'list', undefined, 's3:ListBucket'],
    ] as const)('a key of kind %s: check %s', async (user, id, permission, action) => {
      const result = await resultOf(settings({}, double.users[user]));
      expect(result).toMatchObject({ success: false, error: 'Access denied', bucketAccessible: true });
      expect(failedCheck(result)).toMatchObject({ id, code: 'access_denied' });
      expect(result.repair).toContain(action);
      if (permission) expect(result[permission]).toBe(false);
    });

    it('an account that is suspended', async () => {
      const result = await resultOf(settings({}, double.users.suspended));
      expect(result.success).toBe(false);
      expect(failedCheck(result)).toMatchObject({ id: 'bucket', code: 'quota_or_billing' });
    });

    it('objects that come back changed', async () => {
      const fault = double.faults.corrupt({ operation: 'GetObject', times: 20 }, 17);
      const result = await resultOf();
      expect(fault.hits).toBeGreaterThan(0);
      expect(failedCheck(result)).toMatchObject({ id: 'read_back', code: 'integrity' });
      expect(leftInBucket()).toEqual([]);
    });

    it('ranges that are not honoured', async () => {
      await other({ traits: { ranges: 'ignored' } });
      expect(failedCheck(await resultOf())).toMatchObject({ id: 'range' });
      expect(leftInBucket()).toEqual([]);
    });

    it.each(['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'])(
      'multipart uploads of which %s is refused',
      async (operation) => {
        const refusal = { status: 403, code: 'AccessDenied' };
        const fault = double.faults.status({ operation, times: 20 }, refusal);
        const result = await resultOf();
        expect(fault.hits).toBeGreaterThan(0);
        expect(failedCheck(result)).toMatchObject({ id: 'multipart', code: 'access_denied' });
        expect(statuses(result)).toMatchObject({ delete: 'passed' });
        expect(leftInBucket()).toEqual([]);
        expect(double.store.uploads(double.bucket)).toEqual([]);
      },
    );

    it.each(HOSTILE_LISTINGS)('a listing of kind %s, and writes nothing to such a server', async (kind) => {
      double.hostileListing = kind;
      const result = await resultOf();
      expect(result.success).toBe(false);
      expect(['credentials', 'list']).toContain(failedCheck(result)?.id);
      expect(double.log.of('PutObject')).toEqual([]);
    });
  });

  it('gets over a hiccup', async () => {
    const fault = double.faults.status({ operation: 'PutObject' }, { status: 503, code: 'SlowDown' });
    expect((await resultOf()).success).toBe(true);
    expect(fault.hits).toBe(1);
  });

  it('stops at its deadline, says so and cleans up', async () => {
    const fault = double.faults.hang({ operation: 'CreateMultipartUpload', times: 20 });
    const result = await resultOf(settings(), { deadlineMs: 1_000 });
    expect(fault.hits).toBeGreaterThan(0);
    expect(result).toMatchObject({ success: false, error: 'Connection test took too long' });
    expect(failedCheck(result)).toMatchObject({ id: 'multipart', code: 'timeout' });
    expect(leftInBucket()).toEqual([]);
  });

  it.each(CHECK_IDS.slice(CHECK_IDS.indexOf('write')))(
    'leaves nothing behind when its caller goes away during %s',
    async (id) => {
      const controller = new AbortController();
      const work = (async () => {
        for await (const event of run(settings(), { signal: controller.signal })) {
          if (event.type === 'check.started' && event.id === id) {
            setImmediate(() => controller.abort(new Error('went away')));
          }
        }
      })();
      await work.catch((error: Error) => expect(error.message).toBe('went away'));
      expect(leftInBucket()).toEqual([]);
      expect(double.store.uploads(double.bucket)).toEqual([]);
    },
  );

  it('leaves nothing behind when its events are no longer read', async () => {
    for await (const event of run()) if (event.type === 'check.finished' && event.check.id === 'write') break;
    expect(double.log.of('PutObject')).toHaveLength(1);
    expect(leftInBucket()).toEqual([]);
  });

  it('names what it could not remove', async () => {
    const result = await resultOf(settings({}, double.users.noDelete));
    const cleanup = result.checks.find((check) => check.id === 'cleanup');
    expect(cleanup).toMatchObject({ status: 'warning', code: 'left_behind' });
    for (const key of leftInBucket()) expect(cleanup?.detail).toContain(`s3://${double.bucket}/${key}`);
    expect(leftInBucket().length).toBeGreaterThan(0);
  });

  it('never tells a secret', async () => {
    const users = Object.values(double.users);
    const results = await Promise.all(users.map((user) => resultOf(settings({}, user))));
    for (const user of users) expect(JSON.stringify(results)).not.toContain(user.secretAccessKey);
  });
});

function statuses(result: ConnectionTestResult): Record<string, string> {
  return Object.fromEntries(result.checks.map(({ id, status }) => [id, status]));
}

function failedCheck(result: ConnectionTestResult) {
  return result.checks.find((check) => check.status === 'failed');
}

/** Whether everything from one check on was skipped, with a reason. */
function skippedFrom(result: ConnectionTestResult, id: string): boolean {
  const from = result.checks.slice(result.checks.findIndex((check) => check.id === id));
  return from.every((check) => check.status === 'skipped' && check.detail !== undefined);
}

function describeEvent(event: ConnectionTestEvent): string {
  switch (event.type) {
    case 'check.started':
      return `${event.type} ${event.id}`;
    case 'check.finished':
      return `${event.type} ${event.check.id}`;
    case 'result':
      return event.type;
  }
}
