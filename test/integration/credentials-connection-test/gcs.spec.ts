import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connectionTestResult, testConnection } from '../../../src/storage-providers/connection-test.js';
import type { ConnectionTestResult } from '../../../src/storage-providers/connection-checks/fold-result.js';
import { createDialer } from '../../../src/storage-providers/dialer.js';
import { googleGcs } from '../../../src/storage-providers/providers/google-gcs.js';
import { startGcsDouble, type GcsDouble } from '../../support/gcs-double/gcs-double.js';
import { newServiceAccount, type ServiceAccount } from '../../support/gcs-double/service-accounts.js';

describe('the connection test on a GCS bucket', () => {
  let double: GcsDouble;

  beforeEach(async () => {
    double = await startGcsDouble();
  });

  afterEach(() => double.stop());

  function resultFor(
    account: ServiceAccount = double.accounts.full,
    bucket = double.bucket,
  ): Promise<ConnectionTestResult> {
    const settings = {
      bucket_name: bucket,
      service_account_json: JSON.stringify(account.key),
      prefix: 'stowage/',
    };
    const context = {
      dialer: createDialer({ allowedPrivateEndpoints: ['127.0.0.1'] }),
      localDiskRoot: '/nowhere',
      timeouts: { connectMs: 2_000, responseMs: 2_000, idleBodyMs: 2_000 },
      gcsEndpoints: { storage: double.endpoint, token: double.tokenEndpoint },
    };
    return connectionTestResult(testConnection(googleGcs, settings, context, { now: () => Date.now() }));
  }

  function left(): readonly string[] {
    return double.store.names(double.bucket);
  }

  it('passes every check and leaves nothing behind', async () => {
    const result = await resultFor();
    expect(result.checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(result).toMatchObject({ success: true, capabilities: { createOnly: true, contentBound: 'md5' } });
    expect(left()).toEqual([]);
  });

  it.each([
    ['readOnly', 'write', 'storage.objects.create'],
    ['noList', 'list', 'storage.objects.list'],
    ['noDelete', 'delete', 'storage.objects.delete'],
  ] as const)('with the account %s it fails at %s and names %s', async (account, id, permission) => {
    const result = await resultFor(double.accounts[account]);
    expect(result).toMatchObject({ success: false, error: 'Access denied' });
    expect(firstFailure(result)).toMatchObject({ id, code: 'access_denied' });
    expect(result.repair).toContain(permission);
  });

  it('says that a key is not accepted', async () => {
    const result = await resultFor(newServiceAccount('stranger'));
    expect(result).toMatchObject({ success: false, error: 'Invalid credentials' });
    expect(firstFailure(result)).toMatchObject({ id: 'credentials', code: 'invalid_credentials' });
  });

  it('says that the bucket does not exist', async () => {
    const result = await resultFor(double.accounts.full, 'no-such-bucket');
    expect(result).toMatchObject({ success: false, error: 'Bucket not found' });
    expect(firstFailure(result)).toMatchObject({ id: 'bucket' });
  });

  it('blames the clock and not the key', async () => {
    double.clockOffsetMs = -30 * 60_000;
    const result = await resultFor();
    expect(result).toMatchObject({ success: false, error: 'Clock skew' });
    expect(firstFailure(result)).toMatchObject({ id: 'clock', code: 'clock_skew' });
  });

  it('never tells the key', async () => {
    const results = await Promise.all([resultFor(), resultFor(newServiceAccount('stranger'))]);
    expect(JSON.stringify(results)).not.toMatch(/PRIVATE KEY|private_key/);
  });
});

function firstFailure(result: ConnectionTestResult) {
  return result.checks.find((check) => check.status === 'failed');
}
