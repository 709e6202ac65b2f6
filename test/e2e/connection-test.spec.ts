import { request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CHECK_IDS } from '../../src/storage-providers/connection-checks/check.js';
import { keysInBucket } from '../support/keys-in-bucket.js';
import { startS3Double, type S3Double } from '../support/s3-double/s3-double.js';
import type { S3User } from '../support/s3-double/users.js';
import { startServer, type TestServer } from '../support/server.js';

const FIXTURES = new URL('../fixtures/tls/', import.meta.url);
const SETTINGS = '/api/v1/settings/cloud-storage';
const TEST = `${SETTINGS}/test`;

interface Answer {
  readonly checks: readonly { id: string; status: string }[];
}

describe('POST /api/v1/settings/cloud-storage/test', () => {
  let server: TestServer;
  let s3: S3Double;

  beforeAll(async () => {
    server = await startServer({
      env: {
        ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1,localhost',
        NODE_EXTRA_CA_CERTS: fileURLToPath(new URL('localhost.cert.pem', FIXTURES)),
      },
    });
  });

  afterAll(() => server.stop());

  beforeEach(async () => {
    s3 = await startS3Double();
  });

  afterEach(async () => {
    await call('DELETE', SETTINGS);
    await s3.stop();
  });

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${server.adminKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = (await response.json()) as Answer;
    return { status: response.status, headers: response.headers, body: answer };
  }

  const settings = (more: object = {}, user: S3User = s3.users.full) => ({
    provider: 's3_compatible',
    endpoint: s3.endpoint,
    bucket_name: s3.bucket,
    region: s3.region,
    access_key_id: user.accessKeyId,
    secret_access_key: user.secretAccessKey,
    ...more,
  });

  it('answers the document\u2019s success for the saved settings, and notes it', async () => {
    await call('PUT', SETTINGS, settings());
    const { status, body } = await call('POST', TEST);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      success: true,
      message: 'Connection successful',
      latency_ms: expect.any(Number),
      bucket_accessible: true,
      write_permission: true,
      read_permission: true,
      delete_permission: true,
    });
    expect(body.checks.map(({ id }) => id)).toEqual(CHECK_IDS);
    expect((await call('GET', SETTINGS)).body).toMatchObject({
      last_test: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      last_test_success: true,
      capabilities: { create_only: true, content_bound: 'sha256' },
    });
    expect(keysInBucket(s3)).toEqual([]);
  });

  it('answers the document\u2019s failure with 200, and notes it', async () => {
    await call('PUT', SETTINGS, settings({ access_key_id: 'AKIANOBODYNOBODY0000' }));
    const { status, body } = await call('POST', TEST);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      success: false,
      message: 'Connection failed',
      error: 'Invalid credentials',
      details: 'The provided access_key_id is not valid.',
      repair: expect.stringContaining('access_key_id'),
    });
    expect((await call('GET', SETTINGS)).body).toMatchObject({ last_test_success: false });
  });

  it('tests settings that are not saved, and neither saves nor notes them', async () => {
    expect((await call('POST', TEST, settings())).body).toMatchObject({ success: true });
    expect((await call('GET', SETTINGS)).body).toMatchObject({ configured: false, last_test: null });
  });

  it('uses a stored secret for settings that leave it out, but for no other address', async () => {
    await call('PUT', SETTINGS, settings());
    const { access_key_id: _, secret_access_key: __, ...rest } = settings();
    expect((await call('POST', TEST, rest)).body).toMatchObject({ success: true });
    const elsewhere = await startS3Double();
    const answer = await call('POST', TEST, { ...rest, endpoint: elsewhere.endpoint });
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    expect(elsewhere.log.calls).toEqual([]);
    await elsewhere.stop();
  });

  it('says that nothing is configured', async () => {
    expect(await call('POST', TEST)).toMatchObject({ status: 400, body: { code: 'cloud_not_configured' } });
  });

  it('names the wrong fields of settings that are not saved, in the document\u2019s shape', async () => {
    expect(await call('POST', TEST, settings({ bucket_name: 'a/b' }))).toMatchObject({
      status: 400,
      body: {
        code: 'validation_failed',
        success: false,
        message: 'Connection failed',
        errors: [{ pointer: '/bucket_name' }],
      },
    });
  });

  it.each([
    ['readOnly', 'write', 'write_permission', 's3:PutObject'],
    ['noGet', 'read_back', 'read_permission', 's3:GetObject'],
    ['noDelete', 'delete', 'delete_permission', 's3:DeleteObject'],
  ] as const)('finds what a key of kind %s lacks', async (user, id, permission, action) => {
    const { body } = await call('POST', TEST, settings({}, s3.users[user]));
    expect(body).toMatchObject({
      success: false,
      error: 'Access denied',
      bucket_accessible: true,
      [permission]: false,
    });
    const check = body.checks.find(({ status }) => status === 'failed');
    expect(check).toMatchObject({ id, code: 'access_denied', repair: expect.stringContaining(action) });
  });

  it('shows whose certificate the endpoint has and when it ends', async () => {
    const read = (name: string) => readFileSync(new URL(name, FIXTURES), 'utf8');
    const tls = { key: read('localhost.key.pem'), cert: read('localhost.cert.pem') };
    await s3.stop();
    s3 = await startS3Double({ tls });
    const { body } = await call('POST', TEST, settings({ endpoint: `https://localhost:${s3.port}` }));
    expect(body).toMatchObject({ success: true });
    expect(body.checks.find(({ id }) => id === 'tls')).toMatchObject({
      status: 'passed',
      observed: { certificate_subject: 'Stowage test', certificate_expires: expect.stringMatching(/ GMT$/) },
    });
  });

  it('tells each check as it happens', async () => {
    const response = await fetch(server.url + TEST, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.adminKey}`,
        accept: 'text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify(settings()),
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const events = (await response.text()).trimEnd().split('\n\n').map(parseEvent);
    expect(events.map(({ event, data }) => (event === 'result' ? event : `${event} ${data.id}`))).toEqual([
      ...CHECK_IDS.flatMap((id) => [`check.started ${id}`, `check.finished ${id}`]),
      'result',
    ]);
    expect(events.at(-1)?.data).toMatchObject({ success: true, message: 'Connection successful' });
  });

  it('shows the first events while later checks still wait', async () => {
    const hang = s3.faults.delay({ operation: 'CreateMultipartUpload' }, 1_500);
    const { response, finish } = await openStream(settings());
    let text = '';
    response.on('data', (chunk: Buffer) => (text += chunk.toString()));
    while (!text.includes('event: check.started\ndata: {"id":"multipart"')) await once(response, 'data');
    expect(text).not.toContain('event: result');
    await once(response, 'end');
    expect(hang.hits).toBe(1);
    expect(text).toContain('event: result');
    finish();
  });

  it('answers what is wrong with the request instead of a stream', async () => {
    const answer = await call('POST', TEST, settings({ bucket_name: 'a/b' }), {
      accept: 'text/event-stream',
    });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('cleans up when the client goes away, streaming or not, and lets the next test begin', async () => {
    for (const accept of ['text/event-stream', 'application/json']) {
      for (let round = 0; round < 5; round += 1) {
        const hang = s3.faults.hang({ operation: 'CreateMultipartUpload', times: 10 });
        const { finish } = await openStream(
          settings(),
          accept,
          () => s3.log.of('CreateMultipartUpload').length > 0,
        );
        finish();
        await until(() => keysInBucket(s3).length === 0 && s3.log.of('DeleteObject').length > 0);
        hang.remove();
        s3.log.clear();
      }
    }
    expect((await call('POST', TEST, settings())).body).toMatchObject({ success: true });
  });

  /** Sends the request; resolves with the answer's headers, or as soon as `ready` for an answer that is yet to come. */
  async function openStream(body: object, accept = 'text/event-stream', ready?: () => boolean) {
    const client = httpRequest(server.url + TEST, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.adminKey}`, accept, 'content-type': 'application/json' },
    });
    client.on('error', () => undefined);
    const answered = once(client, 'response') as Promise<[IncomingMessage]>;
    answered.catch(() => undefined);
    client.end(JSON.stringify(body));
    if (ready) {
      await until(ready);
      return { response: undefined as unknown as IncomingMessage, finish: () => client.destroy() };
    }
    const [response] = await answered;
    return { response, finish: () => client.destroy() };
  }
});

function parseEvent(block: string): { event: string; data: { id?: string } } {
  const [event = '', data = ''] = block.split('\n');
  return { event: event.replace('event: ', ''), data: JSON.parse(data.replace('data: ', '')) };
}

/** Polls what no event tells: the state of a server that answers nobody any more. */
async function until(condition: () => boolean): Promise<void> {
  const endsMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > endsMs) throw new Error('it did not happen within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
