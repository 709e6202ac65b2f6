import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { noise } from '../noise.js';

/** Serves the page to browsers, and the content of the files that they pick there. */
export interface PageServer {
  readonly origin: string;
  /** The same place under a name that counts as another origin. */
  readonly otherOrigin: string;
  stop(): Promise<void>;
}

const PAGE = fileURLToPath(new URL('page.mjs', import.meta.url));
const HTML = '<!doctype html><meta charset="utf-8"><title>Uppy</title><script src="/page.js"></script>';

/** Where a page of this server finds `noise(sizeBytes, seed)`. */
export function contentPath(sizeBytes: number, seed: string): string {
  return `/content/${sizeBytes}/${encodeURIComponent(seed)}`;
}

/** Bundles the page and everything that it imports, as people do who use Uppy. */
export async function startPageServer(): Promise<PageServer> {
  const script = await bundled();
  const server = createServer((request, response) => {
    const [, place, sizeBytes, seed] = (request.url ?? '').split('/');
    if (place === 'content') response.end(noise(Number(sizeBytes), decodeURIComponent(seed!)));
    else if (place === 'page.js') response.setHeader('content-type', 'text/javascript').end(script);
    else response.setHeader('content-type', 'text/html').end(HTML);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    otherOrigin: `http://localhost:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [PAGE],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome120',
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}
