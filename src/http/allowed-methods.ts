import type { FastifyInstance } from 'fastify';

/** Every registered pattern with its methods. */
export type RouteTable = Map<string, { readonly matches: RegExp; readonly methods: Set<string> }>;

/** Remembers each route as it is registered; the router itself cannot be asked by path. */
export function recordRoutes(fastify: FastifyInstance): RouteTable {
  const routes: RouteTable = new Map();
  fastify.addHook('onRoute', ({ url, method }) => {
    // The one that answers preflights of every path.
    if (url === '*') return;
    const entry = routes.get(url) ?? { matches: patternOf(url), methods: new Set<string>() };
    for (const name of [method].flat()) entry.methods.add(name);
    routes.set(url, entry);
  });
  return routes;
}

/** The methods that a path could be called with, sorted; empty when there is no such path. */
export function allowedMethods(routes: RouteTable, path: string): string[] {
  const methods = new Set<string>();
  for (const route of routes.values()) {
    if (route.matches.test(path)) for (const method of route.methods) methods.add(method);
  }
  return [...methods].sort();
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => {
      if (part === '*') return '.*';
      return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[^\w-]/g, '\\$&');
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
