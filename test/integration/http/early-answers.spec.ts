import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Post, Req } from '@nestjs/common';
import { IsString } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { Scopes } from '../../../src/auth/access.decorators.js';
import { RequestError } from '../../../src/errors/request-errors.js';
import { StreamedBody } from '../../../src/rest/route-options.decorators.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually, hasWholeAnswer, parseAnswer, receive, startTestApp, type TestApp } from './test-app.js';

class Note {
  @IsString()
  text: string;
}

let handled = 0;

@Scopes('user')
@Controller('api/v1')
class UploadsController {
  @StreamedBody()
  @Post('refused')
  refuse(): never {
    throw new RequestError('payload_too_large', 'Too large.');
  }

  @StreamedBody()
  @Post('read')
  async read(@Req() request: FastifyRequest): Promise<object> {
    let bytes = 0;
    for await (const chunk of request.raw) bytes += (chunk as Buffer).length;
    handled += 1;
    return { bytes };
  }

  @Post('note')
  note(@Body() note: Note): object {
    return note;
  }
}

const MIB = 1024 * 1024;

describe('an answer before the body', () => {
  let database: TestDatabase;
  let server: TestApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startTestApp(database.url, [UploadsController], { RATE_LIMIT_PER_ADDRESS: 10_000 });
  });

  afterAll(async () => {
    await server?.close();
    await database?.drop();
  });

  beforeEach(() => {
    handled = 0;
  });

  const head = (path: string, ...headers: string[]): string =>
    [`POST /api/v1/${path} HTTP/1.1`, 'Host: x', 'Authorization: Bearer user-1', ...headers, '', ''].join(
      '\r\n',
    );

  it('reaches a client that sends and does not listen until it has sent', async () => {
    // 64 MiB are more than all buffers between the two: the answer must wait for a client that still writes.
    const socket = connect(server.port, '127.0.0.1').setNoDelay();
    const sizeBytes = 64 * MIB;
    socket.write(head('refused', `Content-Length: ${sizeBytes}`));
    socket.pause();
    const broken = once(socket, 'error').then(([error]) => error as Error);
    const chunk = Buffer.alloc(MIB);
    let sentBytes = 0;
    while (sentBytes < sizeBytes) {
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), broken]);
      if (socket.destroyed) break;
      sentBytes += chunk.length;
    }
    socket.resume();
    const answer = parseAnswer(await receive(socket));
    socket.destroy();
    expect(answer.status).toBe(413);
    expect(answer.head).toContain('connection: close');
  });

  it('comes at once, also when the client never sends the body', async () => {
    const socket = connect(server.port, '127.0.0.1');
    const startMs = performance.now();
    socket.write(head('refused', 'Content-Length: 999999999999'));
    const answer = parseAnswer(await receive(socket));
    expect(answer.status).toBe(413);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    socket.destroy();
  });

  it('is given to fetch in the middle of an upload', async () => {
    const response = await fetch(`${server.url}/api/v1/refused`, {
      method: 'POST',
      headers: { authorization: 'Bearer user-1' },
      body: new Blob([Buffer.alloc(32 * MIB)]),
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'payload_too_large' });
  });

  it('ends the connection after a while, whatever the client does', async () => {
    const socket = connect(server.port, '127.0.0.1').on('error', () => undefined);
    socket.write(head('refused', 'Content-Length: 999999999999'));
    await receive(socket);
    const drip = setInterval(() => socket.write('x'), 50);
    try {
      await once(socket, 'close');
    } finally {
      clearInterval(drip);
    }
    expect(socket.destroyed).toBe(true);
  });

  it('keeps the connection when the rest is small', async () => {
    const socket = connect(server.port, '127.0.0.1');
    for (let round = 0; round < 3; round++) {
      const answered = receive(socket);
      socket.write(head('refused', 'Content-Length: 1000') + 'x'.repeat(1_000));
      const answer = parseAnswer(await answered);
      expect(answer.status).toBe(413);
      expect(answer.head).toContain('connection: keep-alive');
    }
    socket.destroy();
  });

  it('is the one for a wrong key, before a byte of the upload was asked for', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      head('read', 'Content-Length: 999999999', 'Expect: 100-continue').replace('user-1', 'nobody'),
    );
    const answer = parseAnswer(
      await receive(socket, (text) => hasWholeAnswer(text) || text.includes('100 Continue')),
    );
    expect(answer.status).toBe(401);
    expect(answer.head).toContain('connection: close');
    socket.destroy();
  });

  it.each([
    ['read', 'application/octet-stream', 'a'.repeat(100_000), { bytes: 100_000 }],
    ['note', 'application/json', '{"text":"a"}', { text: 'a' }],
  ])('is 100 Continue when the handler of %s wants the body', async (path, type, body, expected) => {
    const request = httpRequest(`${server.url}/api/v1/${path}`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer user-1',
        'content-type': type,
        'content-length': body.length,
        expect: '100-continue',
      },
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end(body);
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    expect(response.statusCode).toBe(201);
    expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual(expected);
  });

  it('is a refusal of JSON that is too large, without a 100 Continue', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      head('note', 'Content-Type: application/json', 'Content-Length: 99999999', 'Expect: 100-continue'),
    );
    const answer = parseAnswer(await receive(socket));
    expect(answer.status).toBe(413);
    socket.destroy();
  });

  it('is none for a client that goes away in the middle', async () => {
    const socket = connect(server.port, '127.0.0.1');
    server.lines.length = 0;
    socket.write(head('read', 'Content-Length: 1000') + 'only this');
    await once(socket, 'connect');
    setTimeout(() => socket.destroy(), 50);
    await eventually(() => server.lines.length > 0);
    expect(server.lines.at(-1)).toMatchObject({ msg: 'request', aborted: true });
    expect(handled).toBe(0);
  });
});
