import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startGcsDouble, type GcsDouble } from '../support/gcs-double/gcs-double.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';
import { startServer, type TestServer } from '../support/server.js';

/** The two calls of the guide's CloudAPI that belong here, with its own types and names. */
interface CloudProvider {
  provider: string;
  accessKey?: string;
  secretKey?: string;
  serviceAccountJSON?: string;
  region?: string;
  bucketName: string;
  endpoint?: string;
}

describe('POST /api/cloud/configure', () => {
  let server: TestServer;
  let gcs: GcsDouble;
  let s3: S3Double;

  beforeAll(async () => {
    gcs = await startGcsDouble();
    server = await startServer({
      env: {
        ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
        GCS_ENDPOINT: gcs.endpoint,
        GCS_TOKEN_ENDPOINT: gcs.tokenEndpoint,
      },
    });
  });

  afterAll(async () => {
    await server.stop();
    await gcs.stop();
  });

  beforeEach(async () => {
    s3 = await startS3Double();
  });

  afterEach(() => s3.stop());

  async function post(body: unknown) {
    const response = await fetch(`${server.url}/api/cloud/configure`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, ok: response.ok, body: await response.json() };
  }

  async function configured(): Promise<Record<string, unknown>> {
    const response = await fetch(`${server.url}/api/v1/settings/cloud-storage`, {
      headers: { authorization: `Bearer ${server.adminKey}` },
    });
    return (await response.json()) as Record<string, unknown>;
  }

  const form = (more: Partial<CloudProvider> = {}): CloudProvider => ({
    provider: 's3_compatible',
    accessKey: s3.credentials.accessKeyId,
    secretKey: s3.credentials.secretAccessKey,
    region: s3.region,
    bucketName: s3.bucket,
    endpoint: s3.endpoint,
    ...more,
  });

  it('tests and saves what the guide\u2019s form sends', async () => {
    expect(await post(form())).toEqual({ status: 200, ok: true, body: { success: true } });
    expect(await configured()).toMatchObject({
      provider: 's3_compatible',
      bucket_name: s3.bucket,
      last_test_success: true,
      capabilities: { create_only: true, content_bound: 'sha256' },
    });
  });

  it('takes the names of the guide\u2019s server side as well', async () => {
    const { accessKey, secretKey, bucketName, ...rest } = form();
    const body = { ...rest, access_key: accessKey, secret_key: secretKey, bucket_name: bucketName };
    expect(await post(body)).toMatchObject({ status: 200, body: { success: true } });
  });

  it('takes gcp with a key file, and ignores what the form sends for other providers', async () => {
    const answer = await post({
      provider: 'gcp',
      accessKey: '',
      secretKey: '',
      serviceAccountJSON: JSON.stringify(gcs.accounts.full.key),
      region: 'us-west-2',
      bucketName: gcs.bucket,
    });
    expect(answer).toEqual({ status: 200, ok: true, body: { success: true } });
    expect(await configured()).toMatchObject({ provider: 'google_gcs', bucket_name: gcs.bucket });
    expect(gcs.store.names(gcs.bucket)).toEqual([]);
  });

  it('answers Invalid credentials and leaves the earlier configuration untouched', async () => {
    await post(form());
    const before = await configured();
    const answer = await post(form({ secretKey: 'wrong-wrong-wrong-wrong-wrong' }));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 'invalid_credentials',
      title: 'Invalid credentials',
      error: 'Invalid credentials',
      hint: expect.stringContaining('secret_access_key'),
    });
    expect(JSON.stringify(answer.body)).not.toContain('wrong-wrong');
    expect(await configured()).toEqual(before);
  });

  it.each([
    ['a bucket that does not exist', { bucketName: 'no-such-bucket' }, 'bucket_not_found', /no-such-bucket/],
    ['the wrong region', { region: 'us-east-1' }, 'wrong_region', /region/],
  ])('names the true reason: %s', async (_, change, code, words) => {
    const answer = await post(form(change));
    expect(answer).toMatchObject({ status: 400, body: { code, detail: expect.stringMatching(words) } });
  });

  it('names the permission that is missing', async () => {
    const { readOnly } = s3.users;
    const answer = await post(form({ accessKey: readOnly.accessKeyId, secretKey: readOnly.secretAccessKey }));
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: 'access_denied',
        provider: { permission: 's3:PutObject' },
        hint: expect.stringContaining('s3:PutObject'),
      },
    });
  });

  it('says that the server cannot be reached, as a fault of the settings', async () => {
    const gone = form();
    await s3.stop();
    const answer = await post(gone);
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'connection_failed', detail: expect.stringMatching(/^Endpoint unreachable\./) },
    });
    s3 = await startS3Double();
  });

  it('does not let a user reach into the operator\u2019s network', async () => {
    for (const endpoint of [
      'http://169.254.169.254',
      'https://localhost',
      'https://10.0.0.1',
      'http://[::1]:5432',
    ]) {
      const answer = await post(form({ endpoint }));
      expect(answer).toMatchObject({ status: 400, body: { code: 'connection_failed' } });
    }
  });
});
