import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { installBodyParsers } from './body-parsers.js';

describe('a JSON body that does not come', () => {
  const server = fastify();
  const seen: unknown[] = [];

  beforeAll(async () => {
    installBodyParsers(server, { sizeBytes: 1_000, deadlineMs: 300 });
    server.setErrorHandler((error, _request, reply) => {
      seen.push(error);
      void reply.code(400).send('');
    });
    server.post('/', () => 'read');
    await server.listen({ port: 0, host: '127.0.0.1' });
  });

  afterAll(() => server.close());

  it('is refused after a while, however slowly it drips', async () => {
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    const drip = setInterval(() => socket.write(' '), 50);
    const startMs = performance.now();
    const [answer] = (await once(socket, 'data')) as [Buffer];
    clearInterval(drip);
    socket.destroy();
    expect(answer.toString()).toContain('400 Bad Request');
    expect(performance.now() - startMs).toBeLessThan(20_000);
    expect(seen).toEqual([
      expect.objectContaining({ code: 'bad_request', message: 'The body did not arrive in time.' }),
    ]);
  });
});
