import type { FastifyInstance } from 'fastify';
import type { RouteOptions } from '../rest/route-options.decorators.js';

/** Sets what a route wants on all of its answers, before anything can refuse the request. */
export function installAnswerHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { answerHeaders } = request.routeOptions.config as RouteOptions;
    if (answerHeaders !== undefined) void reply.headers(answerHeaders);
    done();
  });
}
