import { randomBytes } from 'node:crypto';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectionTestResult, testConnection } from '../../../src/storage-providers/connection-test.js';
import type { ConnectionTestResult } from '../../../src/storage-providers/connection-checks/fold-result.js';
import { createDialer } from '../../../src/storage-providers/dialer.js';
import { azureBlob } from '../../../src/storage-providers/providers/azure-blob.js';
import type { ProviderSettings } from '../../../src/storage-providers/storage-provider.js';
import { startAzurite, type Azurite } from '../../support/azurite.js';

describe('the connection test on an Azure container', () => {
  let azurite: Azurite;

  beforeAll(async () => {
    azurite = await startAzurite();
  });

  afterAll(() => azurite.stop());

  function resultFor(changes: Partial<ProviderSettings> = {}): Promise<ConnectionTestResult> {
    const settings: ProviderSettings = {
      bucket_name: azurite.container,
      account_name: azurite.accountName,
      account_key: azurite.accountKey,
      prefix: 'stowage/',
      ...changes,
    };
    const context = {
      dialer: createDialer({ allowedPrivateEndpoints: ['127.0.0.1'] }),
      localDiskRoot: '/nowhere',
      timeouts: { connectMs: 5_000, responseMs: 5_000, idleBodyMs: 5_000 },
      azureEndpoint: azurite.endpoint,
    };
    return connectionTestResult(testConnection(azureBlob, settings, context, { now: () => Date.now() }));
  }

  async function left(): Promise<string[]> {
    const credential = new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey);
    const container = new BlobServiceClient(azurite.endpoint, credential).getContainerClient(
      azurite.container,
    );
    const names: string[] = [];
    for await (const blob of container.listBlobsFlat()) names.push(blob.name);
    return names;
  }

  it('passes every check, finds that signed uploads bind no content, and leaves nothing behind', async () => {
    const result = await resultFor();
    expect(result.checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(result).toMatchObject({
      success: true,
      deletePermission: true,
      capabilities: { createOnly: true, contentBound: 'none' },
    });
    expect(await left()).toEqual([]);
  });

  it('says that the account key is not accepted', async () => {
    const result = await resultFor({ account_key: randomBytes(64).toString('base64') });
    expect(result.success).toBe(false);
    expect(firstFailure(result)?.id).toBe('credentials');
  });

  it('says that the container does not exist', async () => {
    const result = await resultFor({ bucket_name: 'no-such-container' });
    expect(result).toMatchObject({ success: false, error: 'Bucket not found' });
    expect(firstFailure(result)).toMatchObject({ id: 'bucket', code: 'bucket_not_found' });
  });

  it('never tells the key', async () => {
    const results = await Promise.all([resultFor(), resultFor({ bucket_name: 'no-such-container' })]);
    expect(JSON.stringify(results)).not.toContain(azurite.accountKey);
  });
});

function firstFailure(result: ConnectionTestResult) {
  return result.checks.find((check) => check.status === 'failed');
}
