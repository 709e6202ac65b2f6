import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type GcsDouble, startGcsDouble } from '../support/gcs-double/gcs-double.js';
import { noise } from '../support/noise.js';
import { fingerprint } from '../support/same-bytes.js';
import { FilesClient } from './files-client.js';

interface CloudFile {
  id: string;
  filename: string;
  size: number;
  cloudUrl: string;
  provider: string;
  uploadedAt: string;
}

interface CloudApi {
  configureProvider(config: object): Promise<boolean>;
  uploadFiles(files: File[]): Promise<CloudFile[]>;
  getCloudFiles(): Promise<CloudFile[]>;
  getDownloadUrl(fileId: string): Promise<string>;
}

const GUIDE = new URL('../fixtures/cloud-api/implementation-guide.ts.txt', import.meta.url);

/** The class of the implementation guide, word for word; only its types are taken off, as a compiler does. */
function cloudApiOf(client: FilesClient): CloudApi {
  const source = stripTypeScriptTypes(readFileSync(fileURLToPath(GUIDE), 'utf8'));
  const script = source.replace('export const cloudApi', 'const cloudApi');
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const run = new Function('fetch', `${script}; return cloudApi;`) as (fetch: unknown) => CloudApi;
  return run((path: string, init?: RequestInit) => client.fetch(path, init));
}

describe('the CloudAPI class of the implementation guide', () => {
  let gcs: GcsDouble;
  let client: FilesClient;
  let cloudApi: CloudApi;

  beforeAll(async () => {
    gcs = await startGcsDouble();
    client = await FilesClient.start({
      env: {
        GCS_ENDPOINT: gcs.endpoint,
        GCS_TOKEN_ENDPOINT: gcs.tokenEndpoint,
        ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
      },
    });
    cloudApi = cloudApiOf(await client.otherUser());
  });

  afterAll(async () => {
    await client.server.stop();
    await gcs.stop();
  });

  it('is told that nothing is configured yet', async () => {
    const answer = (await cloudApi.uploadFiles([new File(['x'], 'a')])) as unknown as { error: string };
    expect(answer.error).toBe('Cloud not configured');
  });

  it('does not connect a bucket that does not exist', async () => {
    const serviceAccountJSON = JSON.stringify(gcs.accounts.full.key);
    const config = { provider: 'gcp', serviceAccountJSON, bucketName: 'no-such-bucket', region: 'us-west-2' };
    expect(await cloudApi.configureProvider(config)).toBe(false);
    expect(gcs.log.calls.length).toBeGreaterThan(0);
  });

  it('connects a bucket, uploads files, lists them and downloads them by signed URLs', async () => {
    const serviceAccountJSON = JSON.stringify(gcs.accounts.full.key);
    const config = {
      provider: 'gcp',
      serviceAccountJSON,
      bucketName: gcs.bucket,
      accessKey: '',
      secretKey: '',
    };
    expect(await cloudApi.configureProvider(config)).toBe(true);

    const contents = [
      new Uint8Array(0),
      new TextEncoder().encode('hello'),
      crypto.getRandomValues(new Uint8Array(65_536)),
    ];
    const names = ['empty', 'ä "quoted" 😀.txt', '../up.bin'];
    const uploaded = await cloudApi.uploadFiles(contents.map((bytes, at) => new File([bytes], names[at]!)));
    expect(uploaded).toHaveLength(3);
    for (const [at, file] of uploaded.entries()) {
      expect(file).toEqual({
        id: expect.stringMatching(/^\d+$/),
        filename: names[at],
        size: contents[at]!.length,
        cloudUrl: expect.stringMatching(/^gs:\/\/stowage-test\/stowage\/f\//),
        provider: 'google_gcs',
        checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
        contentType: 'application/octet-stream',
        uploadedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      });
    }

    const listed = await cloudApi.getCloudFiles();
    expect(listed).toEqual(uploaded.toReversed());

    for (const [at, { id }] of uploaded.entries()) {
      const url = await cloudApi.getDownloadUrl(id);
      expect(new URL(url).origin).toBe(gcs.endpoint);
      const response = await fetch(url);
      expect(response.headers.get('content-disposition')).toMatch(/^attachment;/);
      expect(fingerprint(new Uint8Array(await response.arrayBuffer()))).toBe(fingerprint(contents[at]!));
    }
  });

  it('uploads a file that is larger than what is kept in memory', async () => {
    const content = new Uint8Array(noise(9 * 1024 * 1024));
    const [file] = await cloudApi.uploadFiles([new File([content], 'large.bin')]);
    const response = await fetch(await cloudApi.getDownloadUrl(file!.id));
    expect(fingerprint(new Uint8Array(await response.arrayBuffer()))).toBe(fingerprint(content));
  });

  it('gets an answer that says why it failed, and nobody else’s files', async () => {
    const [file] = await cloudApi.getCloudFiles();
    const stranger = cloudApiOf(client);
    expect(await stranger.getDownloadUrl(file!.id)).toBeUndefined();
    expect(await stranger.getCloudFiles()).toEqual([]);
    expect(await cloudApi.getDownloadUrl('999999')).toBeUndefined();
  });
});
