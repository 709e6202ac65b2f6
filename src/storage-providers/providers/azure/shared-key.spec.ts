import { BlockBlobClient, StorageSharedKeyCredential, newPipeline } from '@azure/storage-blob';
import { describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sharedKeyAuthorization } from './shared-key.js';

const account = { name: 'myaccount', key: Buffer.alloc(64, 5) };

/** The request that Microsoft's client sends for the same call: an independent reading of the specification. */
async function sentByMicrosoft(call: (blob: BlockBlobClient) => Promise<unknown>): Promise<IncomingMessage> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    request.resume().on('end', () => response.writeHead(503).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const credential = new StorageSharedKeyCredential(account.name, account.key.toString('base64'));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/myaccount/cont/${encodeURIComponent("a b/é'()")}`;
  const blob = new BlockBlobClient(url, newPipeline(credential, { retryOptions: { maxTries: 1 } }));
  await call(blob).catch(() => undefined);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return seen[0]!;
}

describe('sharedKeyAuthorization', () => {
  it.each<[string, (blob: BlockBlobClient) => Promise<unknown>]>([
    ['Get Blob with a range', (blob) => blob.download(5, 10, { conditions: { ifMatch: '"e"' } })],
    ['Delete Blob', (blob) => blob.delete({ deleteSnapshots: 'include' })],
    [
      'Put Blob with a digest and a condition',
      (blob) =>
        blob.upload('hello', 5, {
          conditions: { ifNoneMatch: '*' },
          blobHTTPHeaders: { blobContentType: 'text/plain; charset=utf-8' },
          transactionalContentMD5: Buffer.alloc(16, 1),
        }),
    ],
    ['Put Block', (blob) => blob.stageBlock(Buffer.from('id/+1').toString('base64'), 'hello', 5)],
    ['Put Block List', (blob) => blob.commitBlockList(['aWQ='])],
    ['Get Block List', (blob) => blob.getBlockList('uncommitted')],
  ])('signs %s as Microsoft’s client does', async (_name, call) => {
    const { method, url, headers } = await sentByMicrosoft(call);
    const { pathname, searchParams } = new URL(url!, 'http://host');
    const { authorization, 'content-length': length, ...rest } = headers as Record<string, string>;
    const ours = sharedKeyAuthorization(account, {
      method: method!,
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: length === undefined || length === '0' ? rest : { ...rest, 'content-length': length },
    });
    expect(ours).toBe(authorization);
  });
});
