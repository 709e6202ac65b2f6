import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { awsS3 } from '../../src/storage-providers/providers/aws-s3.js';
import { azureBlob } from '../../src/storage-providers/providers/azure-blob.js';
import { googleGcs } from '../../src/storage-providers/providers/google-gcs.js';
import { StorageError } from '../../src/storage-providers/storage-errors.js';
import type { ObjectStorage } from '../../src/storage-providers/storage-provider.js';
import { strictList } from '../../src/storage-providers/strict-list.js';
import { listen } from '../support/double-server.js';
import { startGcsDouble } from '../support/gcs-double/gcs-double.js';
import { answerHostileListing, HOSTILE_LISTINGS, type HostileListing } from '../support/hostile-listings.js';
import { startS3Double } from '../support/s3-double/s3-double.js';
import { contextFor } from './connect-context.js';

interface Liar {
  readonly storage: ObjectStorage;
  lie(kind: HostileListing | undefined): void;
  close(): Promise<void>;
}

/** Half of them would be wrong for a bucket that is not trusted: neither says "there is nothing". */
const HONEST_FAILURES = ['provider_error', 'endpoint_unreachable', 'storage_rate_limited'];
const MAX_GROWTH_BYTES = 128 * 1024 * 1024;
const MAX_LIE_MS = 10_000;

async function s3Liar(): Promise<Liar> {
  const double = await startS3Double();
  const { accessKeyId, secretAccessKey } = double.credentials;
  const settings = {
    bucket_name: double.bucket,
    region: double.region,
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
  };
  const s3Endpoint = `http://localhost:${double.port}`;
  const storage = awsS3.connect(settings, contextFor(s3Endpoint, { s3Endpoint }));
  return {
    storage,
    lie: (kind) => (double.hostileListing = kind),
    close: async () => {
      await storage.close();
      await double.stop();
    },
  };
}

async function gcsLiar(): Promise<Liar> {
  const double = await startGcsDouble();
  const gcsEndpoints = { storage: double.endpoint, token: double.tokenEndpoint };
  const settings = {
    bucket_name: double.bucket,
    service_account_json: JSON.stringify(double.accounts.full.key),
  };
  const storage = googleGcs.connect(settings, contextFor(double.endpoint, { gcsEndpoints }));
  return {
    storage,
    lie: (kind) => (double.hostileListing = kind),
    close: async () => {
      await storage.close();
      await double.stop();
    },
  };
}

/** Not an Azure: something that only answers listings, and those as it likes. */
async function azureLiar(): Promise<Liar> {
  let kind: HostileListing | undefined;
  const server = await listen((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://azure');
    const asked = {
      bucket: 'stowage-test',
      prefix: searchParams.get('prefix') ?? '',
      token: searchParams.get('marker') ?? undefined,
    };
    answerHostileListing(kind ?? 'empty_body', 'azure', asked, response);
  });
  const azureEndpoint = `${server.origin}/account`;
  const settings = {
    account_name: 'account',
    account_key: Buffer.alloc(64, 1).toString('base64'),
    bucket_name: 'stowage-test',
  };
  const storage = azureBlob.connect(settings, contextFor(azureEndpoint, { azureEndpoint }));
  return {
    storage,
    lie: (lie) => (kind = lie),
    close: async () => {
      await storage.close();
      await server.stop();
    },
  };
}

/** How a listing ended and the most memory that was in use meanwhile. */
async function readAll(
  storage: ObjectStorage,
): Promise<{ outcome: unknown; keys: string[]; grownBytes: number }> {
  const before = inUse();
  let peak = before;
  const sampling = setInterval(() => (peak = Math.max(peak, inUse())), 20);
  const keys: string[] = [];
  try {
    for await (const { key } of strictList(storage, { prefix: 'p/' })) keys.push(key);
    return { outcome: 'a complete listing', keys, grownBytes: peak - before };
  } catch (outcome) {
    return { outcome, keys, grownBytes: peak - before };
  } finally {
    clearInterval(sampling);
  }
}

function inUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

for (const [name, start] of Object.entries({ S3: s3Liar, GCS: gcsLiar, Azure: azureLiar })) {
  describe(`a listing of ${name}`, () => {
    let liar: Liar;
    beforeAll(async () => {
      liar = await start();
    });
    afterAll(() => liar.close());

    for (const kind of HOSTILE_LISTINGS) {
      it(`that lies by ${kind} is an error, soon and in little memory`, async () => {
        liar.lie(kind);
        const began = performance.now();
        const { outcome, grownBytes } = await readAll(liar.storage);
        expect(outcome).toBeInstanceOf(StorageError);
        expect(HONEST_FAILURES).toContain((outcome as StorageError).code);
        expect((outcome as StorageError).operation).toBe('list');
        expect(performance.now() - began).toBeLessThan(MAX_LIE_MS);
        expect(grownBytes).toBeLessThan(MAX_GROWTH_BYTES);
      });
    }
  });
}

describe('an honest listing between two lies', () => {
  it('is read as ever', async () => {
    const liar = await s3Liar();
    for (const key of ['p/1', 'p/2']) await liar.storage.put(key, Buffer.from('x'), { sizeBytes: 1 });
    liar.lie('html');
    await readAll(liar.storage);
    liar.lie(undefined);
    expect(await readAll(liar.storage)).toMatchObject({
      outcome: 'a complete listing',
      keys: ['p/1', 'p/2'],
    });
    await liar.close();
  });
});
