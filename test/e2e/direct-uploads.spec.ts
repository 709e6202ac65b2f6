import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { BUCKET_KINDS, type BucketKind, type Buckets, startBuckets } from '../support/buckets.js';
import { noise } from '../support/noise.js';
import { expectSameBytes } from '../support/same-bytes.js';
import {
  type ApiUpload,
  arrivedParts,
  complete,
  completed,
  createUpload,
  outcome,
  send,
  sendAll,
  signParts,
} from './direct-upload-client.js';
import { FilesClient } from './files-client.js';

const MIB = 1024 ** 2;
const PART = 5 * MIB;
const small = noise(20_000, 'small');
const large = noise(2 * PART + 1_234, 'large');

/** Who vouches for the SHA-256 of a single PUT: not every bucket compares one, or has proven that it does. */
const SOURCES: Readonly<Record<BucketKind, string>> = {
  local_disk: 'provider',
  s3_compatible: 'client',
  google_gcs: 'client',
  azure_blob: 'client',
};

let buckets: Buckets;
let admin: FilesClient;
const clients = {} as Record<BucketKind, FilesClient>;

beforeAll(async () => {
  buckets = await startBuckets();
  admin = await FilesClient.start({ env: buckets.environment });
  for (const kind of BUCKET_KINDS) {
    clients[kind] = await admin.otherUser();
    await clients[kind].configure(buckets.settings[kind]);
  }
});

afterAll(async () => {
  await admin?.server.stop();
  await buckets?.stop();
});

describe.each(BUCKET_KINDS)('direct uploads into %s', (kind) => {
  const client = () => clients[kind];
  const contentOf = async (fileId: number) =>
    Buffer.from(await (await client().fetch(`/api/v1/files/${fileId}/content`)).arrayBuffer());

  it('take a small file by one PUT, and only that file', async () => {
    const upload = await createUpload(client(), {
      filename: 'small.bin',
      folder: 'a/b',
      tags: ['x'],
      content_type: 'image/png',
      size: small.length,
      checksum: digest('sha256', small),
      md5: digest('md5', small),
    });
    expect(upload).toMatchObject({ state: 'open', method: 'put', part_size: null, part_count: 1 });
    const [url] = upload.urls;
    expect(Object.keys(url!.headers)).not.toContain('content-length');
    expect(await outcome(await complete(client(), upload.id))).toBe('409 upload_incomplete');
    const forged = await send(url!, noise(small.length, 'forged'));
    expect(forged.status).toBe(400);
    expect((await send(url!, small)).ok).toBe(true);
    const answer = await complete(client(), upload.id);
    expect([answer.status, answer.headers.get('location')]).toEqual([
      201,
      expect.stringMatching(/^\/api\/v1\/files\/\d+$/),
    ]);
    const file = (await answer.json()) as { id: number };
    expect(file).toMatchObject({
      filename: 'small.bin',
      folder: 'a/b/',
      tags: ['x'],
      content_type: 'image/png',
      file_size: small.length,
      checksum: digest('sha256', small),
      checksum_source: SOURCES[kind],
    });
    expectSameBytes(await contentOf(file.id), small);
    const again = await complete(client(), upload.id);
    expect([again.status, await again.json()]).toEqual([200, expect.objectContaining({ id: file.id })]);
    expect(await outcome(await client().fetch(`/api/v1/uploads/${upload.id}/parts`))).toBe('410 upload_gone');
  });

  it('go on after a restart of the client with the parts that are missing', async () => {
    const upload = await createUpload(client(), {
      filename: 'large.bin',
      size: large.length,
      part_size: PART,
      parts: [1, 2, 3].map((part_number) => ({
        part_number,
        md5: digest('md5', partOf(large, part_number)),
      })),
    });
    expect(upload).toMatchObject({ method: 'multipart', part_size: PART, part_count: 3 });
    const [first, second, third] = upload.urls;
    expect((await send(second!, noise(PART, 'forged'))).status).toBe(400);
    expect((await send(first!, small)).ok).toBe(false);
    for (const part of [first!, third!]) await sendAll(part, large, PART);
    const refused = await complete(client(), upload.id);
    expect(await refused.json()).toMatchObject({
      code: 'upload_incomplete',
      detail: expect.stringContaining('have not arrived: 2.'),
    });

    const reloaded = new FilesClient(client().server, client().key);
    const open = await reloaded.json<{ data: ApiUpload[] }>('GET', '/api/v1/uploads?state=open');
    expect(open.data.map(({ id }) => id)).toEqual([upload.id]);
    const arrived = await arrivedParts(reloaded, upload.id);
    expect(arrived.map(({ part_number, size }) => [part_number, size])).toEqual([
      [1, PART],
      [3, 1_234],
    ]);
    const [missing] = await signParts(reloaded, upload.id, [2]);
    await sendAll(missing!, large, PART);
    const parts = await arrivedParts(reloaded, upload.id);
    const wrong = parts.map((part) => ({ part_number: part.part_number, etag: 'another' }));
    expect(await outcome(await complete(reloaded, upload.id, { parts: wrong }))).toBe(
      '409 upload_incomplete',
    );
    const seen = parts.map(({ part_number, etag }) => ({ part_number, etag: `"${etag}"` }));
    const file = await completed(reloaded, upload.id, { parts: seen });
    expect(file).toMatchObject({ file_size: large.length, checksum: null });
    expectSameBytes(await contentOf(file.id), large);
  });

  it('leave nothing when they are given up', async () => {
    const upload = await createUpload(client(), { filename: 'no', size: large.length, part_size: PART });
    await sendAll(upload.urls[0]!, large, PART);
    const put = await createUpload(client(), { filename: 'no', size: small.length });
    await sendAll(put.urls[0]!, small, small.length);
    for (const { id } of [upload, put, upload]) {
      expect((await client().fetch(`/api/v1/uploads/${id}`, { method: 'DELETE' })).status).toBe(204);
    }
    expect(await client().json('GET', `/api/v1/uploads/${put.id}`)).toMatchObject({ state: 'aborted' });
    for (const { id } of [upload, put])
      expect(await outcome(await complete(client(), id))).toBe('410 upload_gone');
    const { objects, uploads } = await client().leftovers();
    // Azure drops parts that were not put together after a week, and has no call to do it sooner.
    expect([objects, kind === 'azure_blob' ? [] : uploads]).toEqual([[], []]);
  });
});

describe('direct uploads', () => {
  it('are their user’s own', async () => {
    const upload = await createUpload(clients.local_disk, { filename: 'mine', size: small.length });
    await sendAll(upload.urls[0]!, small, small.length);
    const other = clients.s3_compatible;
    const path = `/api/v1/uploads/${upload.id}`;
    const json = { 'content-type': 'application/json' };
    const body = JSON.stringify({ part_numbers: [1] });
    const attempts = [
      other.fetch(path),
      other.fetch(`${path}/parts`),
      other.fetch(`${path}/urls`, { method: 'POST', headers: json, body }),
      complete(other, upload.id),
      other.fetch(path, { method: 'DELETE' }),
    ];
    for (const attempt of attempts) expect(await outcome(await attempt)).toBe('404 not_found');
    expect((await completed(clients.local_disk, upload.id)).file_size).toBe(small.length);
  });

  it('find out an object of another length, which Azure lets pass', async () => {
    const client = clients.azure_blob;
    const upload = await createUpload(client, { filename: 'short', size: small.length });
    expect((await send(upload.urls[0]!, small.subarray(1))).ok).toBe(true);
    const refused = await complete(client, upload.id);
    expect(await refused.json()).toMatchObject({
      code: 'upload_incomplete',
      detail: expect.stringContaining(`has ${small.length - 1} bytes instead of ${small.length}`),
    });
    const [again] = await signParts(client, upload.id, [1]);
    await sendAll(again!, small, small.length);
    expect((await completed(client, upload.id)).file_size).toBe(small.length);
  });

  it('are vouched for once they were read back', async () => {
    const client = clients.google_gcs;
    const upload = await createUpload(client, { filename: 'x', size: small.length });
    await sendAll(upload.urls[0]!, small, small.length);
    const { id } = await completed(client, upload.id);
    expect(await verified(client, id)).toMatchObject({ state: 'succeeded', result: { size: small.length } });
    expect(await client.json('GET', `/api/v1/files/${id}`)).toMatchObject({
      checksum: digest('sha256', small),
      checksum_source: 'server',
    });
    const claim = { filename: 'y', size: small.length, checksum: digest('sha256', large) };
    const lie = await createUpload(client, claim);
    await sendAll(lie.urls[0]!, small, small.length);
    const file = await completed(client, lie.id);
    expect(await verified(client, file.id)).toMatchObject({
      state: 'failed',
      error: { code: 'file_damaged', detail: expect.stringContaining(claim.checksum) },
    });
    expect(await client.json('GET', `/api/v1/files/${file.id}`)).toMatchObject({ checksum_source: 'client' });
  });

  it('become a new version of a file', async () => {
    const client = clients.local_disk;
    const file = await client.upload('kept name', 'old');
    const body = { filename: 'other', size: small.length, replaces_file_id: file.id };
    const upload = await createUpload(client, body);
    await sendAll(upload.urls[0]!, small, small.length);
    const replaced = await completed(client, upload.id);
    expect(replaced).toMatchObject({
      id: file.id,
      filename: 'kept name',
      version: 2,
      file_size: small.length,
    });
    await expect(createUpload(client, { ...body, replaces_file_id: 2_000_000 })).rejects.toThrow(/ 404:/);
  });

  it.each([
    ['another part size than the bucket takes', { size: 20 * MIB, part_size: 1 }, 'validation_failed'],
    ['more than the user may', { size: 2 ** 50 }, 'file_too_large'],
    ['a name that cannot be kept', { size: 1, filename: 'x'.repeat(256) }, 'invalid_filename'],
    ['a folder that is none', { size: 1, folder: 'a//b' }, 'invalid_folder'],
    [
      'a digest of a part that is not there',
      { size: 1, parts: [{ part_number: 2, md5: '0'.repeat(32) }] },
      'validation_failed',
    ],
    ['no checksum but a text', { size: 1, checksum: 'abc' }, 'validation_failed'],
  ])('refuse %s', async (_, body, code) => {
    const response = await clients.s3_compatible.fetch('/api/v1/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ filename: 'x', ...body }),
    });
    expect(await response.json()).toMatchObject({ code });
  });

  it('sign only parts that there are, and take digests only of those', async () => {
    const client = clients.s3_compatible;
    const { id } = await createUpload(client, { filename: 'x', size: large.length, part_size: PART });
    const digests = [{ part_number: 1, md5: '0'.repeat(32) }];
    for (const body of [{ part_numbers: [4] }, { part_numbers: [] }, { part_numbers: [2], digests }]) {
      await expect(client.json('POST', `/api/v1/uploads/${id}/urls`, body)).rejects.toThrow(
        /validation_failed/,
      );
    }
  });

  it('end when they have expired', async () => {
    const client = clients.google_gcs;
    const { id } = await createUpload(client, { filename: 'late', size: 1 });
    await inDatabase(`UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = $1`, id);
    expect(await outcome(await complete(client, id))).toBe('410 upload_gone');
    await expect(signParts(client, id, [1])).rejects.toThrow(/upload_gone/);
  });

  it('are finished by repeating, wherever a crash left them', async () => {
    const client = clients.s3_compatible;
    const upload = await createUpload(client, { filename: 'x', size: large.length, part_size: PART });
    for (const part of upload.urls) await sendAll(part, large, PART);
    const file = await completed(client, upload.id);
    const crashed = `UPDATE uploads SET state = 'completing', ended_at = NULL, file_id = NULL, locked_by = NULL WHERE id = $1`;
    // The row of the file was written, and that of the upload was not.
    await inDatabase(crashed, upload.id);
    expect((await completed(client, upload.id)).id).toBe(file.id);
    // The object was put together, and no row was written.
    await inDatabase(crashed, upload.id);
    await inDatabase(`DELETE FROM cloud_files WHERE id = $1`, file.id);
    const restored = await completed(client, upload.id);
    expect(restored).toMatchObject({ filename: 'x', file_size: large.length });
    // Somebody is at it.
    await inDatabase(
      `${crashed.replace('locked_by = NULL', "locked_by = id, locked_until = now() + interval '1 minute'")}`,
      upload.id,
    );
    expect(await outcome(await complete(client, upload.id))).toBe('423 upload_locked');
  });
});

interface ApiJob {
  readonly id: string;
  readonly state: string;
}

/** The job that reads a file back, at its end. */
async function verified(client: FilesClient, fileId: number): Promise<ApiJob> {
  let job = await client.json<ApiJob>('POST', `/api/v1/files/${fileId}/verify`);
  while (!['succeeded', 'failed'].includes(job.state)) {
    await sleep(50);
    job = await client.json('GET', `/api/v1/jobs/${job.id}`);
  }
  return job;
}

async function inDatabase(statement: string, id: string | number): Promise<void> {
  const database = new pg.Client({ connectionString: admin.server.databaseUrl });
  await database.connect();
  await database.query(statement, [id]);
  await database.end();
}

function partOf(whole: Buffer, partNumber: number): Buffer {
  return whole.subarray((partNumber - 1) * PART, partNumber * PART);
}

function digest(algorithm: 'sha256' | 'md5', bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}
