import { expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { allowedMethods, recordRoutes } from './allowed-methods.js';

const server = fastify();
const routes = recordRoutes(server);
server.get('/api/v1/files', () => '');
server.post('/api/v1/files', () => '');
server.delete('/api/v1/files/:id', () => '');
server.get('/api/docs/*', () => '');

it.each([
  ['/api/v1/files', ['GET', 'HEAD', 'POST']],
  ['/api/v1/files/7', ['DELETE']],
  ['/api/v1/files/', []],
  ['/api/v1/files/7/x', []],
  ['/api/docs/a/b.css', ['GET', 'HEAD']],
  ['/', []],
])('the methods of %s are %j', (path, methods) => {
  expect(allowedMethods(routes, path)).toEqual(methods);
});
