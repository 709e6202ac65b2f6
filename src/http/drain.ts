import { Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** How long clients with an idle connection may still use it: they learn from the answer that it ends. */
const LAST_WORD_MS = 500;
const LOOK_EVERY_MS = 20;

/**
 * Ends a server's work without cutting a request: new connections are refused, every answer says
 * `Connection: close`, and requests under way finish.
 */
export class Drain {
  #draining = false;
  #active = 0;

  constructor(private readonly fastify: FastifyInstance) {
    fastify.addHook('onRequest', (_request, reply, done) => {
      this.#active += 1;
      reply.raw.once('close', () => (this.#active -= 1));
      done();
    });
    fastify.addHook('onSend', (_request, reply, payload, done) => {
      if (this.#draining) void reply.header('connection', 'close');
      done(null, payload);
    });
  }

  /** @returns how many requests had to be cut because they did not finish within `graceMs` */
  async run(graceMs: number): Promise<number> {
    this.#draining = true;
    const { server } = this.fastify;
    // Not http.Server's close: it ends idle connections at once, and a request may be on its way on one of them.
    if (server.listening) Server.prototype.close.call(server);
    const startMs = performance.now();
    const passedMs = (): number => performance.now() - startMs;
    while (passedMs() < LAST_WORD_MS && (await openConnections(server)) > 0) await pause(LOOK_EVERY_MS);
    while (this.#active > 0 && passedMs() < graceMs) {
      server.closeIdleConnections();
      await pause(LOOK_EVERY_MS);
    }
    const cut = this.#active;
    server.closeAllConnections();
    return cut;
  }
}

function openConnections(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
}
