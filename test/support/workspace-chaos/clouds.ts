import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { azureBlob } from '../../../src/storage-providers/providers/azure-blob.js';
import { googleGcs } from '../../../src/storage-providers/providers/google-gcs.js';
import { s3Compatible } from '../../../src/storage-providers/providers/s3-compatible.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { strictList } from '../../../src/storage-providers/strict-list.js';
import { retrying } from '../../../src/storage-providers/wrappers/retrying.js';
import { contextFor } from '../../contract/connect-context.js';
import { startAzurite } from '../azurite.js';
import { startGcsDouble } from '../gcs-double/gcs-double.js';
import { startRadosgw } from '../radosgw.js';
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.js';

/** An object store behind a bad line, and a way to it that is not bad. */
export interface Cloud {
  /** What the server must be told to reach it through the line. */
  readonly environment: Readonly<Record<string, string>>;
  /** Body of PUT /api/v1/settings/cloud-storage. */
  readonly settings: Readonly<Record<string, string>>;
  readonly line: TcpProxy;
  /** Copies the whole bucket into a folder, each object under its key. */
  mirror(folder: string): Promise<void>;
  stop(): Promise<void>;
}

export const CLOUDS = { radosgw, azurite, 'gcs double': gcsDouble } as const;

async function radosgw(): Promise<Cloud> {
  const server = await startRadosgw();
  const { line, origin } = await lineTo(server.endpoint);
  const { accessKeyId, secretAccessKey } = server.users.full;
  const settings = {
    bucket_name: server.bucket,
    region: server.region,
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
  };
  const direct = s3Compatible.connect(
    { ...settings, endpoint: server.endpoint },
    contextFor(server.endpoint),
  );
  return cloud(server, line, direct, {
    environment: { ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1' },
    settings: { provider: 's3_compatible', ...settings, endpoint: origin },
  });
}

async function azurite(): Promise<Cloud> {
  const server = await startAzurite();
  const { line, origin } = await lineTo(server.endpoint);
  const { accountName, accountKey, container } = server;
  const settings = { account_name: accountName, account_key: accountKey, bucket_name: container };
  const direct = azureBlob.connect(settings, contextFor(server.endpoint, { azureEndpoint: server.endpoint }));
  return cloud(server, line, direct, {
    environment: {
      ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
      AZURE_ENDPOINT: origin + new URL(server.endpoint).pathname,
    },
    settings: { provider: 'azure_blob', ...settings },
  });
}

async function gcsDouble(): Promise<Cloud> {
  const server = await startGcsDouble();
  const { line, origin } = await lineTo(server.endpoint);
  const settings = {
    bucket_name: server.bucket,
    service_account_json: JSON.stringify(server.accounts.full.key),
  };
  const gcsEndpoints = { storage: server.endpoint, token: server.tokenEndpoint };
  const direct = googleGcs.connect(settings, contextFor(server.endpoint, { gcsEndpoints }));
  return cloud(server, line, direct, {
    environment: {
      ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1',
      GCS_ENDPOINT: origin,
      GCS_TOKEN_ENDPOINT: origin + new URL(server.tokenEndpoint).pathname,
    },
    settings: { provider: 'google_gcs', ...settings },
  });
}

async function lineTo(endpoint: string): Promise<{ line: TcpProxy; origin: string }> {
  const { hostname, port } = new URL(endpoint);
  const line = await startTcpProxy({ host: hostname, port: Number(port) });
  return { line, origin: `http://127.0.0.1:${line.port}` };
}

function cloud(
  server: { stop(): Promise<void> },
  line: TcpProxy,
  connected: ObjectStorage,
  told: Pick<Cloud, 'environment' | 'settings'>,
): Cloud {
  // Between two looks the stores end idle connections.
  const direct = retrying(connected);
  return {
    ...told,
    line,
    mirror: async (folder) => {
      for await (const { key } of strictList(direct, { prefix: '' })) {
        const path = join(folder, key);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, await buffer((await direct.get(key)).body));
      }
    },
    stop: async () => {
      await direct.close();
      await line.stop();
      await server.stop();
    },
  };
}
