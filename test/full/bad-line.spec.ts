import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { awsS3 } from '../../src/storage-providers/providers/aws-s3.js';
import { azureBlob } from '../../src/storage-providers/providers/azure-blob.js';
import { googleGcs } from '../../src/storage-providers/providers/google-gcs.js';
import type { ConnectContext, ObjectStorage } from '../../src/storage-providers/storage-provider.js';
import { startAzurite } from '../support/azurite.js';
import { startGcsDouble } from '../support/gcs-double/gcs-double.js';
import { expectSameBytes } from '../support/same-bytes.js';
import { startS3Double } from '../support/s3-double/s3-double.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { freePort } from '../support/until-ready.js';
import { contextFor } from '../contract/connect-context.js';
import {
  collect,
  exists,
  failure,
  freshPrefix,
  MIB,
  putText,
  read,
  someBytes,
  streamOf,
} from '../contract/verbs/contract-store.js';

interface Server {
  readonly port: number;
  /** The strategy's storage when the server is reached by this port. */
  open(port: number, more: Partial<ConnectContext>): ObjectStorage;
  stop(): Promise<void>;
}

const TIMEOUTS = { connectMs: 1_000, responseMs: 1_000, idleBodyMs: 1_000 };
const PATIENCE_MS = 30_000;

async function s3(): Promise<Server> {
  const double = await startS3Double();
  const { accessKeyId: access_key_id, secretAccessKey: secret_access_key } = double.credentials;
  const settings = { bucket_name: double.bucket, region: double.region, access_key_id, secret_access_key };
  return {
    port: double.port,
    open: (port, more) => {
      const s3Endpoint = `http://localhost:${port}`;
      return awsS3.connect(settings, contextFor(s3Endpoint, { s3Endpoint, ...more }));
    },
    stop: () => double.stop(),
  };
}

async function gcs(): Promise<Server> {
  const double = await startGcsDouble();
  const service_account_json = JSON.stringify(double.accounts.full.key);
  return {
    port: double.port,
    open: (port, more) => {
      const storage = `http://127.0.0.1:${port}`;
      const gcsEndpoints = { storage, token: `${storage}/token` };
      return googleGcs.connect(
        { bucket_name: double.bucket, service_account_json },
        contextFor(storage, { gcsEndpoints, ...more }),
      );
    },
    stop: () => double.stop(),
  };
}

async function azure(): Promise<Server> {
  const azurite = await startAzurite();
  const { accountName: account_name, accountKey: account_key, container } = azurite;
  return {
    port: Number(new URL(azurite.endpoint).port),
    open: (port, more) => {
      const azureEndpoint = `http://127.0.0.1:${port}/${account_name}`;
      return azureBlob.connect(
        { account_name, account_key, bucket_name: container },
        contextFor(azureEndpoint, { azureEndpoint, ...more }),
      );
    },
    stop: () => azurite.stop(),
  };
}

for (const [name, start] of Object.entries({ S3: s3, GCS: gcs, Azure: azure })) {
  describe(`a bad line to ${name}`, () => {
    let server: Server;
    let proxy: TcpProxy;
    let direct: ObjectStorage;
    let storage: ObjectStorage;

    beforeAll(async () => {
      server = await start();
      proxy = await startTcpProxy({ port: server.port });
      direct = server.open(server.port, {});
      storage = server.open(proxy.port, { timeouts: TIMEOUTS });
    });
    afterEach(() => {
      Object.assign(proxy.faults, {
        latencyMs: 0,
        bytesPerSecond: 0,
        blackHole: false,
        refuse: false,
        cutAfterUpBytes: undefined,
        cutAfterDownBytes: undefined,
      });
      proxy.reset();
    });
    afterAll(async () => {
      await proxy.stop();
      await storage.close();
      await direct.close();
      await server.stop();
    });

    it('that is only slow is no error', async () => {
      const key = `${freshPrefix()}file`;
      const bytes = someBytes(MIB);
      Object.assign(proxy.faults, { latencyMs: 2, bytesPerSecond: 8 * MIB });
      await storage.put(key, streamOf(bytes), { sizeBytes: bytes.length });
      expectSameBytes(await read(storage, key), bytes);
    });

    it('that is cut during a download breaks it, at every length', async () => {
      const key = `${freshPrefix()}file`;
      const bytes = someBytes(MIB);
      await direct.put(key, bytes, { sizeBytes: bytes.length });
      for (const cutAfterDownBytes of [1, 1000, 100_000, MIB]) {
        proxy.reset();
        proxy.faults.cutAfterDownBytes = cutAfterDownBytes;
        const error = await failure(storage.get(key).then(collect));
        expect(['endpoint_unreachable', 'integrity']).toContain(error.code);
      }
    });

    it('that is cut during an upload leaves nothing, and is not taken for a success', async () => {
      const key = `${freshPrefix()}file`;
      proxy.faults.cutAfterUpBytes = 200_000;
      const bytes = someBytes(MIB);
      const error = await failure(storage.put(key, streamOf(bytes), { sizeBytes: bytes.length }));
      expect(error).toMatchObject({ code: 'endpoint_unreachable', retryable: true });
      expect(await exists(direct, key)).toBe(false);
    });

    it('that swallows everything is given up in time', async () => {
      proxy.faults.blackHole = true;
      const began = performance.now();
      const error = await failure(storage.listPage({ prefix: 'x' }));
      expect(error).toMatchObject({ code: 'endpoint_unreachable', retryable: true });
      expect(performance.now() - began).toBeLessThan(PATIENCE_MS);
    });

    it('that falls silent during a download is given up in time', async () => {
      const key = `${freshPrefix()}file`;
      const bytes = someBytes(16 * MIB);
      await direct.put(key, bytes, { sizeBytes: bytes.length });
      const content = await storage.get(key);
      const began = performance.now();
      proxy.faults.blackHole = true;
      const error = await failure(collect(content));
      expect(['endpoint_unreachable', 'integrity']).toContain(error.code);
      expect(performance.now() - began).toBeLessThan(PATIENCE_MS);
    });

    it('that resets connections says so, and works again afterwards', async () => {
      const key = `${freshPrefix()}file`;
      await putText(storage, key, 'before');
      proxy.faults.refuse = true;
      proxy.reset();
      expect(await failure(read(storage, key))).toMatchObject({
        code: 'endpoint_unreachable',
        retryable: true,
      });
      proxy.faults.refuse = false;
      expect((await read(storage, key)).toString()).toBe('before');
    });

    it('to a port where nobody listens is told at once', async () => {
      const nobody = server.open(await freePort(), { timeouts: TIMEOUTS });
      const error = await failure(nobody.listPage({ prefix: 'x' }));
      expect(error).toMatchObject({
        code: 'endpoint_unreachable',
        providerCode: 'ECONNREFUSED',
        retryable: true,
      });
      await nobody.close();
    });
  });
}

describe('a server whose certificate nobody vouches for', () => {
  it('is not spoken to', async () => {
    const file = (name: string) =>
      readFileSync(new URL(`../fixtures/tls/localhost.${name}.pem`, import.meta.url), 'utf8');
    const double = await startS3Double({ tls: { key: file('key'), cert: file('cert') } });
    const s3Endpoint = `https://localhost:${double.port}`;
    const { accessKeyId: access_key_id, secretAccessKey: secret_access_key } = double.credentials;
    const storage = awsS3.connect(
      { bucket_name: double.bucket, region: double.region, access_key_id, secret_access_key },
      contextFor(s3Endpoint, { s3Endpoint }),
    );
    const error = await failure(putText(storage, 'key', 'secret bytes'));
    expect(error).toMatchObject({ code: 'endpoint_unreachable', retryable: false });
    expect(error.providerCode).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY|CERT/);
    expect(double.log.calls).toHaveLength(0);
    await storage.close();
    await double.stop();
  });
});
