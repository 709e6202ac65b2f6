import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { FastifyInstance } from 'fastify';

const SERVED = new Set(['/swagger-ui.css', '/swagger-ui-bundle.js', '/favicon-32x32.png']);
const CACHE_MS = 24 * 60 * 60 * 1_000;

/** Swagger UI's own files, from the package that @nestjs/swagger brings: nothing is loaded from elsewhere. */
export async function serveSwaggerAssets(fastify: FastifyInstance): Promise<void> {
  const fromNest = createRequire(createRequire(import.meta.url).resolve('@nestjs/swagger'));
  // Loaded when it is needed: it requires a module that others import, which must not happen in the middle of that.
  const { default: fastifyStatic } = await import('@fastify/static');
  await fastify.register(fastifyStatic, {
    root: dirname(fromNest.resolve('swagger-ui-dist/package.json')),
    prefix: '/api/docs/',
    decorateReply: false,
    allowedPath: (path) => SERVED.has(path),
    maxAge: CACHE_MS,
  });
}
