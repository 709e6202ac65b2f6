import { assertObjectKey } from '../../object-key.js';
import type { SignedRequest, SignedUrls } from '../../storage-provider.js';
import { blobPath } from './azure-client.js';
import { blockId } from './azure-multipart.js';
import { AZURE_API_VERSION, type SharedKeyAccount } from './shared-key.js';

export interface AzureSignerOptions {
  readonly account: SharedKeyAccount;
  readonly container: string;
  /** Everything before the container, without a slash at the end. */
  readonly baseUrl: string;
  readonly now: () => number;
}

interface BlobSas {
  readonly key: string;
  readonly permissions: string;
  readonly expiresInSeconds: number;
  readonly contentDisposition?: string;
  readonly contentType?: string;
}

/**
 * Signed URLs as service SAS of one blob. A SAS signs what may be done, not with which headers: create-only is the
 * permission `c` without `w` and holds; a length or an MD5 cannot be bound, so `contentBound` is `none`, and
 * `content-md5` among the headers only protects a client that sends it.
 */
export function azureSignedUrls(options: AzureSignerOptions): SignedUrls {
  return {
    signGet: async (key, { expiresInSeconds, contentDisposition, contentType }) => {
      const sas = { key, permissions: 'r', expiresInSeconds, contentDisposition, contentType };
      return { method: 'GET', headers: {}, ...(await signBlob(options, sas)) };
    },
    signPut: async (key, { expiresInSeconds, createOnly, md5 }) => ({
      method: 'PUT',
      headers: {
        'x-ms-blob-type': 'BlockBlob',
        ...(createOnly === true && { 'if-none-match': '*' }),
        ...(md5 !== undefined && { 'content-md5': Buffer.from(md5).toString('base64') }),
      },
      ...(await signBlob(options, { key, permissions: createOnly === true ? 'c' : 'cw', expiresInSeconds })),
    }),
    // Put Block asks for the permission to write, which would store a whole blob under this key as well.
    signPart: async (key, uploadId, { expiresInSeconds, partNumber, md5 }) => {
      const id = blockId(uploadId, partNumber, 'sign');
      const { url, expiresAt } = await signBlob(options, { key, permissions: 'w', expiresInSeconds });
      return {
        method: 'PUT',
        url: `${url}&comp=block&blockid=${encodeURIComponent(id)}`,
        headers: { ...(md5 !== undefined && { 'content-md5': Buffer.from(md5).toString('base64') }) },
        expiresAt,
      };
    },
  };
}

/** Loads the SDK when it is first needed: it is as large as the rest of the storage code together. */
async function signBlob(
  options: AzureSignerOptions,
  sas: BlobSas,
): Promise<Pick<SignedRequest, 'url' | 'expiresAt'>> {
  const sdk = await import('@azure/storage-blob');
  const { account, container, baseUrl, now } = options;
  assertObjectKey(sas.key, 'sign');
  // SAS times have whole seconds.
  const expiresAt = new Date(
    (Math.floor(now() / 1_000) + Math.max(1, Math.floor(sas.expiresInSeconds))) * 1_000,
  );
  const query = sdk.generateBlobSASQueryParameters(
    {
      containerName: container,
      blobName: sas.key,
      permissions: sdk.BlobSASPermissions.parse(sas.permissions),
      expiresOn: expiresAt,
      protocol: baseUrl.startsWith('https:') ? sdk.SASProtocol.Https : sdk.SASProtocol.HttpsAndHttp,
      contentDisposition: sas.contentDisposition,
      contentType: sas.contentType,
      version: AZURE_API_VERSION,
    },
    new sdk.StorageSharedKeyCredential(account.name, account.key.toString('base64')),
  );
  return { url: `${baseUrl}${blobPath(container, sas.key)}?${query.toString()}`, expiresAt };
}
