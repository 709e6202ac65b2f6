import { AZURE_CORS } from '../cors-advice.js';
import { bucketField, prefixField } from '../setting-fields.js';
import type { ConnectContext, ProviderSettings, SettingField, StorageProvider } from '../storage-provider.js';
import { AzureClient } from './azure/azure-client.js';
import { azureSignedUrls } from './azure/azure-signed-urls.js';
import { AzureStorage } from './azure/azure-storage.js';
import { HttpClient } from './http/http-client.js';

const accountNameField: SettingField = {
  name: 'account_name',
  aliases: ['accountName', 'access_key', 'accessKey'],
  label: 'Storage account',
  help: 'The name of the storage account, as in https://NAME.blob.core.windows.net. Connection strings are refused.',
  example: 'mystorageaccount',
  required: true,
  secret: false,
  maxLength: 24,
  pattern: /^[a-z0-9]{3,24}$/,
  patternHelp: 'must be 3 to 24 lower-case letters and digits',
};

const accountKeyField: SettingField = {
  name: 'account_key',
  aliases: ['accountKey', 'secret_key', 'secretKey'],
  label: 'Account key',
  help: 'One of the two access keys of the storage account.',
  example: 'base64 of 64 bytes, 88 characters',
  required: true,
  secret: true,
  maxLength: 88,
  pattern: /^[A-Za-z0-9+/]{86}==$/,
  patternHelp: 'must be the 88 characters of an access key, ending in ==',
};

const regionField: SettingField = {
  name: 'region',
  label: 'Region',
  help: 'Where the account lies. For your information only.',
  example: 'westeurope',
  required: false,
  secret: false,
  maxLength: 32,
  pattern: /^[a-z0-9-]{1,32}$/,
  patternHelp: 'must be a location such as westeurope',
};

/** Azure Blob Storage with an account key. */
export const azureBlob: StorageProvider = {
  name: 'azure_blob',
  label: 'Azure Blob Storage',
  fields: [
    bucketField({
      aliases: ['bucketName', 'bucket', 'container'],
      label: 'Container',
      help: 'The name of the container. It must exist already; Stowage never creates containers.',
      maxLength: 63,
      pattern: /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
      patternHelp:
        'must be 3 to 63 lower-case letters, digits and single dashes, with a letter or digit at both ends',
    }),
    accountNameField,
    accountKeyField,
    regionField,
    prefixField,
  ],
  guide: {
    setup: [
      '1. In the Azure portal, create a **Storage account** (Standard performance is enough).',
      '2. Under **Data storage > Containers**, create a container with private access.',
      '3. Under **Security + networking > Access keys**, copy the account name and **key1**.',
    ].join('\n'),
    policy:
      'An account key may do everything in its storage account: give Stowage an account of its own.\n' +
      'Under Networking, allow the address of this server. Calls used in container {bucket}:\n' +
      'List Blobs, Get Blob, Get Blob Properties, Put Blob, Put Block, Put Block List, Get Block List, Copy Blob, Abort Copy Blob, Delete Blob',
    policyLanguage: 'text',
    quirks: [
      'Signed uploads are create-only but cannot bind length or content: an uploaded object is checked afterwards.',
      'Parts of an unfinished upload are invisible and are dropped by Azure after a week.',
      'With soft delete on, deleted blobs are kept and billed for the days that you set.',
      'Signed URLs end when the account key is regenerated.',
    ],
    cors: AZURE_CORS,
    docsUrl: 'https://learn.microsoft.com/azure/storage/blobs/',
  },
  price: {
    storageUsdPerGbMonth: 0.018,
    egressUsdPerGb: 0.087,
    writeUsdPer1000: 0.005,
    readUsdPer1000: 0.0004,
    asOf: '2026-11-22',
  },
  endpointOf: (settings) => new URL(endpointFor(settings)),
  connect,
};

/** The account name is checked again: it becomes part of a host name. */
function endpointFor({ account_name: name = '' }: ProviderSettings): string {
  if (!accountNameField.pattern.test(name)) throw new TypeError('account_name is no label of a host name');
  return `https://${name}.blob.core.windows.net`;
}

function connect(settings: ProviderSettings, context: ConnectContext): AzureStorage {
  const accountName = settings.account_name ?? '';
  const container = settings.bucket_name ?? '';
  const account = { name: accountName, key: Buffer.from(settings.account_key ?? '', 'base64') };
  const baseUrl = (context.azureEndpoint ?? endpointFor(settings)).replace(/\/+$/, '');
  const origin = new URL(baseUrl);
  const now = context.now ?? (() => new Date().getTime());
  const http = new HttpClient({ provider: 'azure_blob', bucket: container, origin }, context);
  const basePath = origin.pathname.replace(/\/+$/, '');
  const answerMs = context.timeouts.responseMs;
  return new AzureStorage({
    client: new AzureClient({ http, account, container, basePath, baseUrl, answerMs, now }),
    accountName,
    capabilities: { createOnly: true, contentBound: 'none', ...context.capabilities },
    signedUrls: azureSignedUrls({ account, container, baseUrl, now }),
    close: () => http.close(),
  });
}
