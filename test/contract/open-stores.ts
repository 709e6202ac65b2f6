import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { azureBlob } from '../../src/storage-providers/providers/azure-blob.js';
import { googleGcs } from '../../src/storage-providers/providers/google-gcs.js';
import { localDisk } from '../../src/storage-providers/providers/local-disk.js';
import type {
  ConnectContext,
  ProviderSettings,
  StorageProvider,
} from '../../src/storage-providers/storage-provider.js';
import { startAzurite } from '../support/azurite.js';
import { startGcsDouble } from '../support/gcs-double/gcs-double.js';
import type { ServiceAccountKey } from '../support/gcs-double/service-accounts.js';
import { startRadosgw } from '../support/radosgw.js';
import type { PersonalityName } from '../support/s3-double/personalities.js';
import { startS3Double } from '../support/s3-double/s3-double.js';
import { contextFor } from './connect-context.js';
import type { ContractStore } from './verbs/contract-store.js';

interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const MISSING_BUCKET = 'stowage-missing';

/** A member of the S3 family against our double in the matching mood, at the addresses that it would use. */
export async function openOnS3Double(
  provider: StorageProvider,
  personality: PersonalityName,
): Promise<ContractStore> {
  const double = await startS3Double({ personality });
  const endpoint = `http://localhost:${double.port}`;
  return s3Store({
    provider,
    bucket: double.bucket,
    region: double.region,
    endpoint,
    full: double.users.full,
    readOnly: double.users.readOnly,
    // Only AWS says which permission is missing; the others are told by the call that was refused.
    permission: personality === 'aws' ? 's3:PutObject' : undefined,
    stop: () => double.stop(),
  });
}

export async function openOnRadosgw(provider: StorageProvider): Promise<ContractStore> {
  const radosgw = await startRadosgw();
  const { endpoint, region, bucket, users } = radosgw;
  return s3Store({
    provider,
    bucket,
    region,
    endpoint,
    ...users,
    permission: undefined,
    stop: () => radosgw.stop(),
  });
}

interface S3Server {
  readonly provider: StorageProvider;
  readonly bucket: string;
  readonly region: string;
  readonly endpoint: string;
  readonly full: KeyPair;
  readonly readOnly: KeyPair;
  readonly permission: string | undefined;
  stop(): Promise<void>;
}

function s3Store(server: S3Server): ContractStore {
  const { provider, bucket, endpoint, full, readOnly } = server;
  const open = (keys: KeyPair, name = bucket, more: Partial<ConnectContext> = {}) =>
    provider.connect(s3Settings(server, keys, name), contextFor(endpoint, { s3Endpoint: endpoint, ...more }));
  const storage = open(full);
  return {
    storage,
    wrongSecret: () => open({ ...full, secretAccessKey: 'wrong'.repeat(8) }),
    missingBucket: () => open(full, MISSING_BUCKET),
    readOnly: { open: () => open(readOnly), permission: server.permission },
    withClock: (offsetMs) => open(full, bucket, { now: () => Date.now() + offsetMs }),
    close: async () => {
      await storage.close();
      await server.stop();
    },
  };
}

/** Each strategy reads its own names; what it does not know it does not read. */
function s3Settings(
  { region, endpoint }: S3Server,
  { accessKeyId, secretAccessKey }: KeyPair,
  bucket: string,
): ProviderSettings {
  return {
    bucket_name: bucket,
    region,
    endpoint,
    account_id: '0123456789abcdef0123456789abcdef',
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
    key_id: accessKeyId,
    application_key: secretAccessKey,
  };
}

export async function openOnGcsDouble(): Promise<ContractStore> {
  const double = await startGcsDouble();
  const { full, readOnly } = double.accounts;
  const gcsEndpoints = { storage: double.endpoint, token: double.tokenEndpoint };
  const open = (key: ServiceAccountKey, bucket = double.bucket, more: Partial<ConnectContext> = {}) => {
    const settings = { bucket_name: bucket, service_account_json: JSON.stringify(key) };
    return googleGcs.connect(settings, contextFor(double.endpoint, { gcsEndpoints, ...more }));
  };
  const storage = open(full.key);
  const forged = { ...full.key, client_email: 'nobody@stowage-test.iam.gserviceaccount.com' };
  return {
    storage,
    wrongSecret: () => open(forged),
    missingBucket: () => open(full.key, MISSING_BUCKET),
    readOnly: { open: () => open(readOnly.key), permission: 'storage.objects.create' },
    withClock: (offsetMs) => open(full.key, double.bucket, { now: () => Date.now() + offsetMs }),
    close: async () => {
      await storage.close();
      await double.stop();
    },
  };
}

export async function openOnAzurite(): Promise<ContractStore> {
  const azurite = await startAzurite();
  const { endpoint, accountName, accountKey, container } = azurite;
  const open = (key = accountKey, bucket = container, more: Partial<ConnectContext> = {}) => {
    const settings = { account_name: accountName, account_key: key, bucket_name: bucket };
    return azureBlob.connect(settings, contextFor(endpoint, { azureEndpoint: endpoint, ...more }));
  };
  const storage = open();
  const otherKey = Buffer.alloc(64, 1).toString('base64');
  return {
    storage,
    wrongSecret: () => open(otherKey),
    missingBucket: () => open(accountKey, MISSING_BUCKET),
    forgetsAborted: false,
    withClock: (offsetMs) => open(accountKey, container, { now: () => Date.now() + offsetMs }),
    close: async () => {
      await storage.close();
      await azurite.stop();
    },
  };
}

export async function openOnLocalDisk(): Promise<ContractStore> {
  const localDiskRoot = await mkdtemp(join(tmpdir(), 'stowage-contract-'));
  const open = (root: string) =>
    localDisk.connect({ bucket_name: 'files' }, contextFor(undefined, { localDiskRoot: root }));
  const storage = open(localDiskRoot);
  return {
    storage,
    missingBucket: () => open(join(localDiskRoot, 'not-mounted')),
    keepsContentType: false,
    close: async () => {
      await storage.close();
      await rm(localDiskRoot, { recursive: true, force: true });
    },
  };
}
