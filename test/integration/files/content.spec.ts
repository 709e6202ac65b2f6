import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify';
import type { AddressInfo } from 'node:net';
import { request as httpRequest } from 'node:http';
import { AccessTimes } from '../../../src/files/access-times.js';
import { ContentSender } from '../../../src/files/content-sender.js';
import { DownloadUrls } from '../../../src/files/download-urls.js';
import { MIB } from '../../../src/files/upload-limits.js';
import { fingerprint } from '../../support/same-bytes.js';
import { noise } from '../../support/noise.js';
import { formBody, formType } from './form-body.js';
import { UploadServer, USER_ID } from './upload-server.js';

const content = noise(MIB, 4242);

describe('the content of a file', () => {
  let server: UploadServer;
  let app: FastifyInstance;
  let accessTimes: AccessTimes;
  let downloadUrls: DownloadUrls;
  let url: string;
  let fileId: number;
  const failures: Error[] = [];
  /** What is asked before the first byte of `/admitted`. */
  let admit = (_reply: FastifyReply): Promise<void> => Promise.resolve();
  /** Files whose sending has come to an end there, one way or the other. */
  const ended: number[] = [];

  beforeAll(async () => {
    server = await UploadServer.start();
    const bucketOf = () =>
      Promise.resolve({
        configId: 1,
        provider: 's3_compatible' as const,
        bucketName: server.bucket.bucket,
        storage: server.storage,
      });
    accessTimes = new AccessTimes(
      server.statements,
      () => Date.now(),
      (error) => failures.push(error as Error),
    );
    const { reads } = server;
    downloadUrls = new DownloadUrls({ reads, accessTimes, bucketOf, contentUrl: (id) => `/content/${id}` });
    const sender = new ContentSender({ reads, accessTimes, bucketOf, countBytes: () => undefined });
    app = fastify();
    app.get<{ Params: { id: string } }>('/content/:id', async (request, reply) => {
      try {
        await sender.send(USER_ID, Number(request.params.id), request, reply);
      } catch (error) {
        failures.push(error as Error);
        if (reply.raw.headersSent) return reply.raw.destroy();
        return reply.code((error as { code: string }).code === 'not_found' ? 404 : 502).send({});
      }
      return reply;
    });
    app.get<{ Params: { id: string } }>('/admitted/:id', async (request, reply) => {
      const file = await server.reads.record(USER_ID, Number(request.params.id));
      try {
        await sender.sendRecord(USER_ID, file, { request, reply }, { admit: () => admit(reply) });
        ended.push(file.id);
      } catch (error) {
        failures.push(error as Error);
        return reply.code(403).send({});
      }
      return reply;
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/content`;
    fileId = await upload('ä.html', 'text/html', content);
  });

  afterAll(async () => {
    await app.close();
    await accessTimes.settled();
    await server.stop();
  });

  afterEach(() => {
    server.bucket.faults.clear();
    failures.length = 0;
  });

  async function upload(filename: string, type: string, bytes: Buffer): Promise<number> {
    const body = formBody([{ name: 'file', filename, type, content: bytes }]);
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': formType() },
      body: new Uint8Array(body),
    });
    const answer = (await response.json()) as { files: { id: number }[] };
    return answer.files[0]!.id;
  }

  const get = (headers: Record<string, string> = {}, id = fileId, method = 'GET') =>
    fetch(`${url}/${id}`, { headers, method });

  it('is what was uploaded, with headers that keep browsers from running it', async () => {
    const response = await get();
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(content.length),
      'x-content-type-options': 'nosniff',
      'content-disposition': expect.stringContaining("filename*=UTF-8''%C3%A4.html"),
      'content-security-policy': expect.stringContaining('sandbox'),
    });
    expect(fingerprint(new Uint8Array(await response.arrayBuffer()))).toBe(fingerprint(content));
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=1000-1999', 1000, 2000],
    [`bytes=${MIB - 5}-`, MIB - 5, MIB],
    ['bytes=-7', MIB - 7, MIB],
    [`bytes=5-${2 * MIB}`, 5, MIB],
  ])('comes in the range %s', async (range, start, end) => {
    const response = await get({ range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${MIB}`);
    expect(fingerprint(new Uint8Array(await response.arrayBuffer()))).toBe(
      fingerprint(content.subarray(start, end)),
    );
  });

  it('is described without being fetched', async () => {
    server.bucket.log.clear();
    const head = await get({}, fileId, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(MIB)]);
    const etag = head.headers.get('etag')!;
    const unchanged = await get({ 'if-none-match': etag });
    expect([unchanged.status, unchanged.headers.get('etag'), await unchanged.text()]).toEqual([
      304,
      etag,
      '',
    ]);
    expect((await get({ range: `bytes=${MIB}-` })).headers.get('content-range')).toBe(`bytes */${MIB}`);
    expect(server.bucket.log.calls).toEqual([]);
  });

  it('is nobody else’s', async () => {
    expect((await get({}, 999_999)).status).toBe(404);
  });

  it.each([0, 1, 65_536])('of %i bytes is whole', async (size) => {
    const small = noise(size, 8);
    const response = await get({}, await upload('small', 'image/png', small));
    expect(fingerprint(new Uint8Array(await response.arrayBuffer()))).toBe(fingerprint(small));
  });

  it('breaks the connection when the bucket’s answer is cut, anywhere', async () => {
    const outcomes = new Set<string | number>();
    for (let at = 0; at < MIB; at += 32_768) {
      const fault = server.bucket.faults.reset({ operation: 'GetObject' }, at);
      outcomes.add(await outcome());
      expect(fault.hits).toBe(1);
      server.bucket.faults.clear();
    }
    // A cut before the first byte may be mended by another try.
    expect([...outcomes]).toContain('broken');
    expect([...outcomes]).not.toContain('wrong');
    expect(await outcome()).toBe('whole');
  });

  it('breaks the connection when a bit was flipped, anywhere', async () => {
    for (let at = 0; at < MIB; at += 65_536) {
      const fault = server.bucket.faults.corrupt({ operation: 'GetObject' }, at + 17);
      expect(await outcome()).toBe('broken');
      expect(fault.hits).toBe(1);
      server.bucket.faults.clear();
    }
    expect(failures.every((error) => (error as { code?: string }).code === 'file_damaged')).toBe(true);
  });

  it('is an error when the object is shorter than the file was', async () => {
    server.bucket.faults.truncate({ operation: 'GetObject' }, 1000);
    expect((await get()).status).toBe(502);
    expect(failures).toMatchObject([{ code: 'file_damaged' }]);
  });

  describe('that needs a permission first', () => {
    const ask = (headers: Record<string, string> = {}) =>
      fetch(url.replace('/content', `/admitted/${fileId}`), { headers });
    const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

    afterEach(() => {
      admit = () => Promise.resolve();
      ended.length = 0;
    });

    it('waits for it with a body that is whole all the same', async () => {
      admit = async () => void (await soon());
      for (const range of [undefined, `bytes=7-${MIB - 1}`, 'bytes=0-99']) {
        const answer = await ask(range === undefined ? {} : { range });
        const [start, end] = range === undefined ? [0, MIB] : [...range.matchAll(/\d+/g)].map(Number);
        const wanted = content.subarray(start, range === undefined ? end : end! + 1);
        expect(fingerprint(new Uint8Array(await answer.arrayBuffer()))).toBe(fingerprint(wanted));
      }
    });

    it('sends nothing without it', async () => {
      for (const isLate of [false, true]) {
        admit = async () => {
          if (isLate) await soon();
          throw new Error('not you');
        };
        const answer = await ask();
        expect([answer.status, await answer.text()]).toEqual([403, '{}']);
      }
      expect(failures.map(({ message }) => message)).toEqual(['not you', 'not you']);
      expect(await outcome()).toBe('whole');
    });

    it('fails when the bucket breaks off meanwhile, and does not wait for ever', async () => {
      server.bucket.faults.reset({ operation: 'GetObject' }, 300_000);
      let isGiven = false;
      admit = async () => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        isGiven = true;
      };
      const end = await ask()
        .then((answer) => answer.arrayBuffer().then(() => answer.status))
        .catch(() => 'broken');
      expect(isGiven).toBe(true);
      expect([403, 'broken']).toContain(end);
      expect(failures).toHaveLength(1);
    });

    it('ends when the client goes away meanwhile', async () => {
      const request = httpRequest(url.replace('/content', `/admitted/${fileId}`), { agent: false });
      request.on('error', () => undefined).end();
      await new Promise<void>((resolve) => {
        admit = (reply) =>
          new Promise((closed) => {
            reply.raw.once('close', closed);
            resolve();
          });
      });
      request.destroy();
      while (ended.length === 0 && failures.length === 0) await soon();
      expect(failures).toEqual([]);
    });
  });

  it('is no failure when the client goes away', async () => {
    const large = await upload('large', 'video/mp4', noise(8 * MIB, 3));
    await new Promise<void>((resolve) => {
      const request = httpRequest(`${url}/${large}`, (answer) => {
        answer.once('data', () => {
          answer.on('error', () => undefined);
          request.destroy();
          resolve();
        });
      });
      request.end();
    });
    const closed = async () => (await get()).arrayBuffer();
    await closed();
    expect(failures).toEqual([]);
  });

  it('notes when it was last read', async () => {
    const id = await upload('read me', 'text/plain', Buffer.from('x'));
    const lastAccessed = async () => (await server.reads.one(USER_ID, id)).last_accessed;
    expect(await lastAccessed()).toBeNull();
    await (await get({}, id)).text();
    await accessTimes.settled();
    const first = Date.parse((await lastAccessed())!);
    expect(Math.abs(Date.now() - first)).toBeLessThan(60_000);
    await downloadUrls.sign(USER_ID, id, 60);
    await accessTimes.settled();
    expect(Date.parse((await lastAccessed())!)).toBeGreaterThanOrEqual(first);
  });

  it('can be downloaded from the bucket by a signed URL that makes browsers save it', async () => {
    const signed = await downloadUrls.sign(USER_ID, fileId, 3_600);
    expect(signed.expiresAt!.getTime() - Date.now()).toBeGreaterThan(3_590_000);
    const response = await fetch(signed.url);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': expect.stringContaining('attachment'),
    });
    expect(fingerprint(new Uint8Array(await response.arrayBuffer()))).toBe(fingerprint(content));
    await expect(downloadUrls.sign(2, fileId, 60)).rejects.toMatchObject({ code: 'not_found' });
  });

  async function outcome(): Promise<'whole' | 'wrong' | 'broken' | number> {
    try {
      const response = await get();
      if (response.status !== 200) return response.status;
      const bytes = new Uint8Array(await response.arrayBuffer());
      return fingerprint(bytes) === fingerprint(content) ? 'whole' : 'wrong';
    } catch {
      return 'broken';
    }
  }
});
