import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bucketOf } from '../contract/foreign-gcs.js';
import { completed, createUpload, sendAll } from '../e2e/direct-upload-client.js';
import { type ApiFile, FilesClient } from '../e2e/files-client.js';
import { type Azurite, startAzurite } from '../support/azurite.js';
import { type GcsDouble, startGcsDouble } from '../support/gcs-double/gcs-double.js';
import { noise } from '../support/noise.js';
import { type Radosgw, startRadosgw } from '../support/radosgw.js';
import { expectSameBytes } from '../support/same-bytes.js';
import { rcloneFor, s3cmdFor } from '../support/second-readers.js';
import { TusClient } from '../support/tus-client.js';

const MIB = 1024 * 1024;
const PART = 5 * MIB;

/** Reads one object without anything of ours. */
type Reader = (key: string) => Promise<Buffer>;

/** What clients sent in each of the three ways lies in the bucket as it is: others read it there. */
describe('uploads of clients', () => {
  let folder: string;
  let rados: Radosgw;
  let azurite: Azurite;
  let gcs: GcsDouble;
  let admin: FilesClient;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-readers-'));
    [rados, azurite, gcs] = await Promise.all([startRadosgw(), startAzurite(), startGcsDouble()]);
    admin = await FilesClient.start({
      env: {
        ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
        GCS_ENDPOINT: gcs.endpoint,
        GCS_TOKEN_ENDPOINT: gcs.tokenEndpoint,
        AZURE_ENDPOINT: azurite.endpoint,
      },
    });
  });

  afterAll(async () => {
    await admin?.server.stop();
    await Promise.all([rados?.stop(), azurite?.stop(), gcs?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('into Ceph’s gateway are read by rclone and s3cmd', async () => {
    const { endpoint, region, bucket, users } = rados;
    const account = { endpoint, region, bucket, ...users.full };
    const rclone = rcloneFor(account);
    const s3cmd = await s3cmdFor(account, folder);
    const settings = {
      provider: 's3_compatible',
      endpoint,
      region,
      bucket_name: bucket,
      access_key_id: account.accessKeyId,
      secret_access_key: account.secretAccessKey,
      path_style: 'true',
    };
    await expectRead(settings, bucket, [
      async (key) => {
        const copy = join(folder, 'by-rclone');
        await rclone('copyto', `store:${bucket}/${key}`, copy);
        return readFile(copy);
      },
      async (key) => {
        const copy = join(folder, 'by-s3cmd');
        await s3cmd('get', '--force', `s3://${bucket}/${key}`, copy);
        return readFile(copy);
      },
    ]);
  });

  it('into Azurite are read by Microsoft’s client', async () => {
    const { endpoint, accountName, accountKey, container } = azurite;
    const credential = new StorageSharedKeyCredential(accountName, accountKey);
    const blobs = new BlobServiceClient(endpoint, credential).getContainerClient(container);
    const settings = {
      provider: 'azure_blob',
      bucket_name: container,
      account_name: accountName,
      account_key: accountKey,
    };
    await expectRead(settings, container, [(key) => blobs.getBlobClient(key).downloadToBuffer()]);
  });

  it('into the double of Cloud Storage are read by Google’s client', async () => {
    const settings = {
      provider: 'google_gcs',
      bucket_name: gcs.bucket,
      service_account_json: JSON.stringify(gcs.accounts.full.key),
    };
    const reader: Reader = async (key) => (await bucketOf(gcs).file(key).download())[0];
    await expectRead(settings, gcs.bucket, [reader]);
  });

  async function expectRead(settings: object, bucket: string, readers: readonly Reader[]): Promise<void> {
    const client = await admin.otherUser();
    await client.configure(settings);
    for (const [way, sizeBytes] of [
      [direct, 70_000],
      [direct, 2 * PART + 77],
      [byTus, 2 * PART + 99],
    ] as const) {
      const content = noise(sizeBytes, sizeBytes);
      const { cloud_url } = await way(client, content);
      const key = new URL(cloud_url).href.split(`${bucket}/`)[1]!;
      for (const read of readers) expectSameBytes(await read(decodeURIComponent(key)), content);
    }
  }

  /** By one PUT, or in parts when it is longer than one. */
  async function direct(client: FilesClient, content: Buffer): Promise<ApiFile> {
    const size = content.length;
    const upload = await createUpload(client, { filename: 'direct', size, part_size: PART });
    expect(upload.method).toBe(size > PART ? 'multipart' : 'put');
    for (const part of upload.urls) await sendAll(part, content, PART);
    return completed(client, upload.id);
  }

  async function byTus(client: FilesClient, content: Buffer): Promise<ApiFile> {
    const tus = new TusClient(client.server.url, client.key);
    const path = await tus.create(content.length);
    const half = content.length >> 1;
    expect((await tus.patch(path, 0, content.subarray(0, half))).status).toBe(204);
    const { headers } = await tus.patch(path, half, content.subarray(half));
    return client.json('GET', `/api/v1/files/${headers['stowage-file-id'] as string}`);
  }
});
