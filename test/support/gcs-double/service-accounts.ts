import { createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';

export type GcsPermission =
  | 'storage.buckets.get'
  | 'storage.multipartUploads.abort'
  | 'storage.multipartUploads.create'
  | 'storage.multipartUploads.list'
  | 'storage.multipartUploads.listParts'
  | 'storage.objects.create'
  | 'storage.objects.delete'
  | 'storage.objects.get'
  | 'storage.objects.list';

/** What a console hands out as a key file; the other members of a real one are read by nobody. */
export interface ServiceAccountKey {
  readonly type: 'service_account';
  readonly project_id: string;
  readonly private_key_id: string;
  readonly private_key: string;
  readonly client_email: string;
  readonly client_id: string;
  readonly token_uri: string;
}

export interface ServiceAccount {
  readonly key: ServiceAccountKey;
  readonly publicKey: KeyObject;
  /** Everything when absent. */
  readonly allow?: readonly GcsPermission[];
  readonly deny?: readonly GcsPermission[];
}

export type StandardAccounts = ReturnType<typeof standardAccounts>;

/** Accounts as real projects have them; they share one key pair, because making one takes long. */
export function standardAccounts() {
  const pair = newKeyPair();
  const account = (name: string, limits: Pick<ServiceAccount, 'allow' | 'deny'> = {}) =>
    newServiceAccount(name, limits, pair);
  return {
    full: account('full'),
    readOnly: account('read-only', { allow: ['storage.objects.get', 'storage.objects.list'] }),
    /** Objects: Creator. It may not overwrite: that takes storage.objects.delete. */
    creator: account('creator', { allow: ['storage.objects.create', 'storage.multipartUploads.create'] }),
    noDelete: account('no-delete', { deny: ['storage.objects.delete'] }),
    noList: account('no-list', { deny: ['storage.objects.list', 'storage.multipartUploads.list'] }),
  };
}

export function newServiceAccount(
  name: string,
  limits: Pick<ServiceAccount, 'allow' | 'deny'> = {},
  privateKey = newKeyPair(),
): ServiceAccount {
  return {
    key: {
      type: 'service_account',
      project_id: 'stowage-test',
      private_key_id: randomBytes(20).toString('hex'),
      private_key: privateKey,
      client_email: `${name}@stowage-test.iam.gserviceaccount.com`,
      client_id: '100000000000000000001',
      token_uri: 'https://oauth2.googleapis.com/token',
    },
    publicKey: createPublicKey(privateKey),
    ...limits,
  };
}

export function permits(account: ServiceAccount, permission: GcsPermission): boolean {
  if (account.deny?.includes(permission)) return false;
  return account.allow === undefined || account.allow.includes(permission);
}

function newKeyPair(): string {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return privateKey;
}
