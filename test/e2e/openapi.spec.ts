import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createStowage, StowageProblem } from '../../sdk/index.js';
import { startServer, type TestServer } from '../support/server.js';

describe('the generated client', () => {
  let server: TestServer;
  let stowage: ReturnType<typeof createStowage>;

  beforeAll(async () => {
    server = await startServer();
    stowage = createStowage({ baseUrl: `${server.url}/`, apiKey: server.adminKey });
  });

  afterAll(() => server?.stop());

  it('was made from the document that the server gives', async () => {
    const served = await (await fetch(`${server.url}/api/openapi.json`)).text();
    expect(served).toBe(readFileSync(join(import.meta.dirname, '../../openapi.json'), 'utf8'));
  });

  it('configures a bucket, uploads, lists and downloads', async () => {
    const saved = await stowage.saveCloudStorage({ body: { provider: 'local_disk', bucket_name: 'files' } });
    expect(saved.data).toMatchObject({ success: true, provider: 'local_disk', bucket_name: 'files' });
    expect(saved.response.headers.get('etag')).toMatch(/^".+"$/);

    const test = await stowage.testCloudStorage({});
    expect(test.data).toMatchObject({ success: true, bucket_accessible: true, write_permission: true });

    const content = 'a file sent by the SDK';
    const upload = await stowage.uploadFiles({
      body: { file: new File([content], 'sdk.txt', { type: 'text/plain' }) },
    });
    expect(upload.data).toMatchObject({ filename: 'sdk.txt', file_size: content.length });

    const { data: list } = await stowage.listFiles({ query: { limit: 10 } });
    expect(list.data).toHaveLength(1);
    const { data: downloaded } = await stowage.downloadFile({
      path: { id: list.data[0]!.id },
      parseAs: 'text',
    });
    expect(downloaded).toBe(content);
  });

  it('throws a problem with its code', async () => {
    const failure = await stowage.getFile({ path: { id: 999_999 } }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StowageProblem);
    expect(failure).toMatchObject({ code: 'not_found', status: 404, retryAfterSeconds: undefined });
    expect((failure as StowageProblem).message).toMatch(/file/i);
  });

  it('gives the headers that If-Match needs', async () => {
    const { data, response } = await stowage.getSyncSettings();
    const etag = response.headers.get('etag')!;
    const changed = { ...data, retention_days: 30 };
    await stowage.updateSyncSettings({ body: changed, headers: { 'If-Match': etag } });
    await expect(
      stowage.updateSyncSettings({ body: changed, headers: { 'If-Match': etag } }),
    ).rejects.toMatchObject({ code: 'precondition_failed' });
  });

  it('sends an Idempotency-Key, so that a retry makes nothing twice', async () => {
    const call = () =>
      stowage.createUser({ body: { name: 'Once' }, headers: { 'Idempotency-Key': 'sdk-create-user-1' } });
    const [first, second] = [await call(), await call()];
    expect(second.data).toEqual(first.data);
    expect(second.response.headers.get('idempotency-replayed')).toBe('true');
  });

  it('needs no key where none is needed, and says so elsewhere', async () => {
    const nobody = createStowage({ baseUrl: server.url });
    expect((await nobody.getReadiness()).data).toMatchObject({ status: 'ok' });
    await expect(nobody.getMe()).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});
