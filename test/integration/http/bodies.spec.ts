import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Param, ParseIntPipe, Post, Query, Req } from '@nestjs/common';
import { IsOptional, IsString } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { Public, Scopes } from '../../../src/auth/access.decorators.js';
import { PageQuery } from '../../../src/rest/page.dto.js';
import { LargeJson, StreamedBody } from '../../../src/rest/route-options.decorators.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { sendRaw, startTestApp, type TestApp } from './test-app.js';

class Note {
  @IsOptional()
  @IsString()
  text?: string;
}

@Controller()
class NotesController {
  @Scopes('user')
  @Post('api/v1/notes')
  create(@Body() note: Note): object {
    return { text: note?.text ?? null };
  }

  @Scopes('user')
  @Get('api/v1/notes/:id')
  read(@Param('id', ParseIntPipe) id: number, @Query() _page: PageQuery): object {
    return { id };
  }

  @Scopes('user')
  @LargeJson({ sizeBytes: 2 * 1024 * 1024, deadlineMs: 30_000 })
  @Post('api/v1/long-notes')
  createLong(@Body() { text }: Note): object {
    return { length: text?.length };
  }

  @Scopes('user')
  @StreamedBody()
  @Post('api/v1/bytes')
  async count(@Req() request: FastifyRequest): Promise<object> {
    let bytes = 0;
    for await (const chunk of request.raw) bytes += (chunk as Buffer).length;
    return { bytes, parsed: request.body ?? null };
  }

  @Public()
  @Get('api/v1/boom')
  boom(): never {
    throw Object.assign(new Error('hunter2'), { config: { secret: 'hunter2' } });
  }
}

describe('requests', () => {
  let database: TestDatabase;
  let server: TestApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startTestApp(database.url, [NotesController], {
      RATE_LIMIT_PER_ADDRESS: 100_000,
      CORS_ORIGINS: ['https://app.example.org'],
    });
  });

  afterAll(async () => {
    await server?.close();
    await database?.drop();
  });

  const post = (body: BodyInit | undefined, headers: Record<string, string> = {}, path = '/api/v1/notes') =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { authorization: 'Bearer user-1', 'content-type': 'application/json', ...headers },
      body,
    });

  /** Every refusal has the one error shape, and says nothing of ours. */
  async function expectProblem(response: Response, status: number, code: string): Promise<void> {
    const text = await response.text();
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(text)).toMatchObject({
      type: `/docs/errors#${code}`,
      status,
      code,
      request_id: response.headers.get('x-request-id'),
    });
    expect(response.status).toBe(status);
    expect(text).not.toMatch(/hunter2|node_modules|\bat .*:\d+:\d+|SELECT|dist\/src/);
  }

  describe('with JSON', () => {
    it.each([
      ['{"text":"a"}', { text: 'a' }],
      ['\ufeff{"text":"a"}', { text: 'a' }],
      ['{"text":"a","text":"b"}', { text: 'b' }],
      ['{}', { text: null }],
      ['', { text: null }],
    ])('are read: %j', async (body, answer) => {
      const response = await post(body);
      expect(response.status).toBe(201);
      expect(await response.json()).toEqual(answer);
    });

    it.each(
      [
        '{"text":"hunter2"',
        'hunter2',
        'NaN',
        '[]',
        'null',
        '"hunter2"',
        '{"__proto__":{"text":"x"}}',
        '{"text":"x","a":{"__proto__":1}}',
        '{"constructor":{"prototype":{"text":"x"}}}',
        '{"text":"\\u0000"}',
        '{"text":"\\ud800"}',
        `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
        `{"a":[${'0,'.repeat(200_000)}0]}`,
      ].map((body) => [body.slice(0, 60), body]),
    )('are refused when nobody can mean them: %s', async (_, body) => {
      await expectProblem(await post(body), 400, 'bad_request');
    });

    it.each([
      '{"text":1e400}',
      '{"text":{"_type":"raw"}}',
      '{"text":["a"]}',
      '{"text":"a","tenantId":1}',
      '{"text":"a","isAdmin":true}',
    ])('are refused when a field is wrong or unknown: %s', async (body) => {
      await expectProblem(await post(body), 400, 'validation_failed');
    });

    it('are refused above a megabyte, declared or not', async () => {
      await expectProblem(await post(`{"text":"${'x'.repeat(1024 * 1024)}"}`), 413, 'payload_too_large');
      const chunked = new Blob([`{"text":"${'x'.repeat(2 * 1024 * 1024)}"}`]).stream();
      const init = {
        method: 'POST',
        headers: { authorization: 'Bearer user-1', 'content-type': 'application/json' },
      };
      const response = await fetch(`${server.url}/api/v1/notes`, {
        ...init,
        body: chunked,
        duplex: 'half',
      });
      await expectProblem(response, 413, 'payload_too_large');
    });

    it('have the limits of their route, where it has its own', async () => {
      const longNote = (length: number) =>
        post(JSON.stringify({ text: 'x'.repeat(length) }), {}, '/api/v1/long-notes');
      const length = 2 * 1024 * 1024 - 11;
      expect(await (await longNote(length)).json()).toEqual({ length });
      await expectProblem(await longNote(length + 1), 413, 'payload_too_large');
    });

    it('are refused when they are not UTF-8', async () => {
      await expectProblem(
        await post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
        400,
        'bad_request',
      );
    });
  });

  describe('with another body', () => {
    it.each(
      [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/json; charset=utf-7',
        'application/jsonp',
        'application/xml',
        'nonsense',
        `application/${'x'.repeat(8_000)}`,
      ].map((type) => [type.slice(0, 40), type]),
    )('are refused on a JSON route: %s', async (_, type) => {
      await expectProblem(
        await post('{"text":"a"}', { 'content-type': type }),
        415,
        'unsupported_media_type',
      );
    });

    it('are refused when they are encoded', async () => {
      await expectProblem(await post('{}', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
    });

    it.each([
      'application/json',
      'multipart/form-data; boundary=x',
      'application/octet-stream',
      'text/plain',
      undefined,
    ])('reach a streaming handler unread: %s', async (type) => {
      const body = Buffer.alloc(3 * 1024 * 1024, 'x');
      const headers = { authorization: 'Bearer user-1', ...(type !== undefined && { 'content-type': type }) };
      const response = await fetch(`${server.url}/api/v1/bytes`, { method: 'POST', headers, body });
      expect(await response.json()).toEqual({ bytes: body.length, parsed: null });
    });
  });

  describe('with an odd target', () => {
    it.each([
      ['GET', '/api/v1/nothing', 404, 'not_found'],
      ['GET', '/api/v1/notes/abc', 400, 'bad_request'],
      ['GET', '/api/v1/notes/%00', 400, 'bad_request'],
      ['GET', '/api/v1/notes/1?x=%00', 400, 'bad_request'],
      ['GET', '/api/v1/notes/1?limit=10abc', 400, 'validation_failed'],
      ['GET', '/api/v1/notes/1?a[__proto__][x]=1', 400, 'validation_failed'],
      ['GET', '/api/v1/notes/1?limit=1&limit=2', 400, 'validation_failed'],
      ['GET', '/api/v1/notes/%zz', 400, 'bad_request'],
      ['GET', '/api/v1/notes/%ff%fe', 400, 'bad_request'],
      ['GET', `/api/v1/notes/${'1'.repeat(600)}`, 400, 'bad_request'],
      ['GET', '//api/v1/notes/1', 404, 'not_found'],
      ['GET', '/api/v1/notes/1/', 404, 'not_found'],
      ['GET', '/api/v1/notes/..%2f..%2fetc', 400, 'bad_request'],
      ['DELETE', '/api/v1/notes/1', 405, 'method_not_allowed'],
      ['PUT', '/api/v1/notes', 405, 'method_not_allowed'],
      ['PROPFIND', '/api/v1/notes', 405, 'method_not_allowed'],
    ] as const)('%s %s is %d %s', async (method, path, status, code) => {
      const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user-1\r\n\r\n`;
      const answer = await sendRaw(server.port, head);
      expect(answer.status).toBe(status);
      expect(answer.head).toContain('content-type: application/problem+json');
      expect(JSON.parse(answer.body)).toMatchObject({ status, code });
    });

    it('tell which methods there are', async () => {
      const response = await fetch(`${server.url}/api/v1/notes/1`, { method: 'DELETE' });
      expect(response.headers.get('allow')).toBe('GET, HEAD');
    });
  });

  describe('that are not HTTP', () => {
    const head = 'POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user-1\r\n';
    it.each([
      ['nonsense', 'hello\r\n\r\n'],
      ['a negative length', `${head}Content-Length: -1\r\n\r\n`],
      ['a signed length', `${head}Content-Length: +5\r\n\r\n`],
      ['two lengths', `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
      ['a length and chunks', `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
      ['bad chunks', `${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`],
      ['a NUL in a header', `${head}X-A: a\0b\r\n\r\n`],
      ['64 KiB of headers', `${head}X-A: ${'a'.repeat(65_536)}\r\n\r\n`],
      ['no host', 'GET /api/v1/boom HTTP/1.1\r\n\r\n'],
    ])('are answered and cut: %s', async (_, bytes) => {
      const answer = await sendRaw(server.port, bytes, () => false);
      expect(answer.status).toBe(400);
      expect(answer.head).toContain('connection: close');
    });

    it('do not end the process', async () => {
      expect((await post('{}')).status).toBe(201);
    });
  });

  describe('in general', () => {
    it('keep a sane request id and replace any other', async () => {
      const idFor = async (id: string) =>
        (await post('{}', { 'x-request-id': id })).headers.get('x-request-id');
      expect(await idFor('trace-0123.ABC:x')).toBe('trace-0123.ABC:x');
      for (const odd of ['short', 'x'.repeat(65), 'a b c d e f g', '"><script>']) {
        expect(await idFor(odd)).toMatch(/^[0-9a-f-]{36}$/);
      }
    });

    it('do not believe a forged X-Forwarded-For or method override', async () => {
      const response = await post('{}', {
        'x-forwarded-for': '203.0.113.9',
        'x-http-method-override': 'DELETE',
      });
      expect(response.status).toBe(201);
      expect(server.lines.some((line) => JSON.stringify(line).includes('203.0.113.9'))).toBe(false);
    });

    it('leave one line each, without query, headers or body', async () => {
      server.lines.length = 0;
      await post('{"text":"hunter2"}', { 'x-secret': 'hunter2' }, '/api/v1/notes?token=hunter2');
      const [line, ...more] = server.lines;
      expect(more).toEqual([]);
      expect(line).toMatchObject({
        level: 'info',
        msg: 'request',
        method: 'POST',
        route: '/api/v1/notes',
        path: '/api/v1/notes',
        status: 201,
        userId: 1,
        requestId: expect.any(String),
        durationMs: expect.any(Number),
        bytesIn: 18,
        bytesOut: expect.any(Number),
      });
      expect(JSON.stringify(line)).not.toContain('hunter2');
    });

    it('that fail for a reason nobody foresaw tell the log where, and the caller nothing', async () => {
      server.lines.length = 0;
      await expectProblem(await fetch(`${server.url}/api/v1/boom`), 500, 'internal_error');
      const [failure, request] = server.lines;
      expect(failure).toMatchObject({
        level: 'error',
        msg: 'request failed',
        error: { name: 'Error', stack: expect.any(String) },
      });
      expect(failure!.requestId).toBe(request!.requestId);
      expect(request).toMatchObject({ status: 500, code: 'internal_error' });
      expect(JSON.stringify(server.lines)).not.toContain('hunter2');
    });

    it('from browsers are allowed from the listed origins only', async () => {
      const headersFor = async (origin: string) => (await post('{}', { origin })).headers;
      const allowed = await headersFor('https://app.example.org');
      expect(allowed.get('access-control-allow-origin')).toBe('https://app.example.org');
      expect(allowed.get('access-control-expose-headers')).toContain('X-Request-Id');
      for (const origin of [
        'https://evil.example.org',
        'https://app.example.org.evil',
        'null',
        'http://app.example.org',
      ]) {
        expect((await headersFor(origin)).get('access-control-allow-origin')).toBeNull();
      }
    });

    it('carry the policies that keep an answer from running in a browser', async () => {
      const { headers } = await post('{}');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
    });
  });
});
