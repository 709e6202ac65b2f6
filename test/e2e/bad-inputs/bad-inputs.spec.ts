import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { keysInBucket } from '../../support/keys-in-bucket.js';
import { startS3Double, type S3Double } from '../../support/s3-double/s3-double.js';
import { startServer, type TestServer } from '../../support/server.js';
import { badRequests, type BadRequest } from './bad-requests.js';
import { readOperations } from './operations.js';

const COUNT = 2_000;
const SEED = 20_261_122;
const DOCUMENT = new URL('../../../openapi.json', import.meta.url);
/** Tables in which a refused request must leave no trace. */
const TABLES = [
  'users',
  'api_keys',
  'cloud_configs',
  'cloud_files',
  'sync_settings',
  'snapshots',
  'workspaces',
  'repositories',
  'restores',
  'data_keys',
  'agents',
  'enrolment_tokens',
];

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

describe(`${COUNT} bad inputs`, () => {
  let double: S3Double;
  let server: TestServer;
  let database: pg.Client;
  let secrets: readonly string[];

  beforeAll(async () => {
    double = await startS3Double();
    server = await startServer({
      env: {
        ALLOWED_PRIVATE_ENDPOINTS: `127.0.0.1:${double.port}`,
        RATE_LIMIT_PER_KEY: '1000000',
        RATE_LIMIT_PER_ADDRESS: '1000000',
      },
    });
    database = new pg.Client(server.databaseUrl);
    await database.connect();
    secrets = [double.credentials.secretAccessKey, server.adminKey].flatMap(spellings);
    expect((await configure()).status).toBe(200);
  }, 120_000);

  afterAll(async () => {
    await database?.end();
    await server?.stop();
    await double?.stop();
  });

  it('are refused with a clear problem, change nothing and give nothing away', async () => {
    const requests = badRequests(readOperations(DOCUMENT), COUNT, SEED);
    const found: string[] = [];
    let refused = 0;
    let before = await traces();
    for (const bad of requests) {
      const answer = await send(bad);
      const isRefused = answer.status >= 400;
      if (isRefused) refused += 1;
      else if (bad.method !== 'GET') await configure();
      const after = await traces();
      const wrong = whatIsWrong(answer, !isRefused || before === after);
      before = after;
      if (wrong.length > 0)
        found.push(
          `${bad.method} ${bad.target.slice(0, 120)} (${bad.what}) -> ${answer.status} ${answer.text.slice(0, 200)}: ${wrong.join(', ')}`,
        );
    }
    expect(found).toEqual([]);
    expect(refused).toBeGreaterThan(COUNT / 3);
    expect(secrets.filter((secret) => server.logs().includes(secret))).toEqual([]);
    for (const line of server.logs().split('\n').filter(Boolean))
      expect(() => JSON.parse(line)).not.toThrow();
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  }, 240_000);

  function whatIsWrong({ status, headers, text }: Answer, isUnchanged: boolean): string[] {
    const wrong: string[] = [];
    if (status >= 500 && status !== 503) wrong.push('a server error');
    if (!isUnchanged) wrong.push('left a trace');
    if (secrets.some((secret) => text.includes(secret))) wrong.push('a secret');
    if (/node_modules|\.js:\d+|at \w+ \(|SELECT |INSERT /.test(text)) wrong.push('an inside view');
    if (status >= 400 && text !== '' && !isProblem(status, String(headers['content-type']), text))
      wrong.push('no problem document');
    return wrong;
  }

  async function configure(): Promise<Response> {
    return fetch(`${server.url}/api/v1/settings/cloud-storage`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        provider: 's3_compatible',
        bucket_name: double.bucket,
        endpoint: double.endpoint,
        region: double.region,
        access_key_id: double.credentials.accessKeyId,
        secret_access_key: double.credentials.secretAccessKey,
      }),
    });
  }

  /** What a request could have left behind: rows of each table, and objects in the bucket. A key's use is no trace. */
  async function traces(): Promise<string> {
    const states = TABLES.map((table) => {
      const row = table === 'api_keys' ? `(to_jsonb(api_keys) - 'last_used_at')::text` : `${table}::text`;
      return `(SELECT concat_ws(' ', count(*), sum(hashtextextended(${row}, 0))) FROM ${table}) AS ${table}`;
    });
    const { rows } = await database.query({ name: 'traces', text: `SELECT ${states.join(', ')}` });
    return JSON.stringify({ ...rows[0], objects: keysInBucket(double).length });
  }

  function send(bad: BadRequest): Promise<Answer> {
    const url = new URL(server.url);
    const headers: Record<string, string> = { authorization: `Bearer ${server.adminKey}`, ...bad.headers };
    if (bad.body !== undefined) headers['content-length'] ??= String(Buffer.byteLength(bad.body));
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          host: url.hostname,
          port: url.port,
          method: bad.method,
          path: bad.target,
          headers,
          agent: false,
          timeout: 30_000,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      request.on('timeout', () =>
        request.destroy(new Error(`${bad.method} ${bad.target} (${bad.what}): no answer`)),
      );
      request.on('error', reject);
      request.end(bad.body);
    });
  }
});

/** The forms in which a secret could come out. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const forms = [
    secret,
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
    encodeURIComponent(secret),
  ];
  return [...new Set([...forms, JSON.stringify(secret).slice(1, -1)])];
}

function isProblem(status: number, contentType: string, text: string): boolean {
  const problem = contentType.startsWith('application/problem+json')
    ? (JSON.parse(text) as Record<string, unknown>)
    : {};
  return problem.status === status && typeof problem.code === 'string' && typeof problem.detail === 'string';
}
