import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { LocalObjects } from '../../../src/files/local-objects.js';
import {
  createLocalDiskUrls,
  type LocalDiskSigner,
} from '../../../src/storage-providers/local-disk-signing.js';
import { localDisk, openLocalBucket } from '../../../src/storage-providers/providers/local-disk.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { contextFor } from '../../contract/connect-context.js';

export interface SigningStore {
  readonly storage: ObjectStorage;
  close(): Promise<void>;
}

export interface ServedLocalDisk extends SigningStore {
  /** Where the bucket's objects lie, under their own names. */
  readonly folder: string;
}

/** A local_disk bucket whose signed URLs are answered, by what answers them in the server. */
export async function openServedLocalDisk(): Promise<ServedLocalDisk> {
  const localDiskRoot = await mkdtemp(join(tmpdir(), 'stowage-orders-'));
  const context = contextFor(undefined, { localDiskRoot });
  const app = fastify();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const objects = new LocalObjects({
    signer: { verify: (method, token) => urls.verify(method, token) },
    openBucket: ({ bucketPath, tenant }) => openLocalBucket(bucketPath, { ...context, tenant }),
  });
  app.setErrorHandler((error: Error & { code?: string }, _request, reply) =>
    reply.code(error.code === 'conflict' ? 409 : 400).send({ code: error.code }),
  );
  app.get('/api/v1/local-objects/*', async (request, reply) => {
    await objects.send(request, reply);
    return reply;
  });
  app.put('/api/v1/local-objects/*', async (request) => ({ etag: await objects.receive(request) }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const baseUrl = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const secrets = [randomBytes(32)];
  const urls: LocalDiskSigner = createLocalDiskUrls({ secrets, baseUrl, now: () => Date.now() });
  const storage = localDisk.connect(
    { bucket_name: 'files' },
    { ...context, tenant: '1', localDiskUrls: urls },
  );
  return {
    storage,
    folder: join(localDiskRoot, '1', 'files'),
    close: async () => {
      await app.close();
      await storage.close();
      await rm(localDiskRoot, { recursive: true, force: true });
    },
  };
}
