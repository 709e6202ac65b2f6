import { join } from 'node:path';
import { LOCAL_CORS } from '../cors-advice.js';
import { StorageError } from '../storage-errors.js';
import { bucketField, prefixField } from '../setting-fields.js';
import type { ConnectContext, ProviderSettings, StorageProvider } from '../storage-provider.js';
import { LocalDiskStorage } from './local-disk/local-disk-storage.js';

/** Starts with a letter or digit: neither hidden nor a step up, and one name of a folder. */
const FOLDER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Folders on the disk of this server. */
export const localDisk: StorageProvider = {
  name: 'local_disk',
  label: 'Local disk',
  fields: [
    bucketField({
      label: 'Folder',
      help: 'Name of your folder on the server. It is made at the first use, and nobody else can reach it.',
      example: 'files',
      maxLength: 63,
      pattern: FOLDER_NAME,
      patternHelp:
        'must be 1 to 63 letters, digits, dots, dashes or underscores, with a letter or digit first',
    }),
    prefixField,
  ],
  guide: {
    setup:
      'Choose a name. The files lie in the data folder of this server: put that folder on a disk with enough room, and back it up.',
    policy: 'The user that runs Stowage must own the folder {bucket} and be able to write in it.',
    policyLanguage: 'text',
    quirks: [
      'The files are as safe as the one disk that holds them.',
      'All servers that share the database must see the same folder (NFS or the like).',
      'Objects lie under their own names, so that restic and other programs can read them in place.',
      'A part of a name between slashes may have 255 bytes at most.',
    ],
    cors: LOCAL_CORS,
    docsUrl: 'https://docs.kernel.org/filesystems/',
  },
  price: {
    storageUsdPerGbMonth: 0,
    egressUsdPerGb: 0,
    writeUsdPer1000: 0,
    readUsdPer1000: 0,
    asOf: '2026-11-22',
  },
  endpointOf: () => undefined,
  folderOf: (settings, context) => join(context.localDiskRoot, bucketPathOf(settings, context)),
  connect: (settings: ProviderSettings, context: ConnectContext) =>
    openLocalBucket(bucketPathOf(settings, context), context),
};

function bucketPathOf(
  { bucket_name: bucketName = '' }: ProviderSettings,
  { tenant }: ConnectContext,
): string {
  return [tenant, bucketName].filter((name) => name !== undefined).join('/');
}

/**
 * Opens a bucket by its folder relative to the root, as a signed URL names it. Each tenant has a folder of its own, so
 * that two of them may choose the same name and never see each other's files.
 * Throws a StorageError (`bucket_not_found`) for a path that is not made of plain names.
 */
export function openLocalBucket(bucketPath: string, context: ConnectContext): LocalDiskStorage {
  const names = bucketPath.split('/');
  if (names.length > 2 || !names.every((name) => FOLDER_NAME.test(name))) throw badFolderName();
  return new LocalDiskStorage({
    root: context.localDiskRoot,
    bucketPath,
    bucketName: names.at(-1) ?? '',
    tenant: context.tenant,
    urls: context.localDiskUrls,
    capabilities: { createOnly: true, contentBound: 'sha256', ...context.capabilities },
    idleMs: context.timeouts.idleBodyMs,
    now: context.now ?? (() => new Date().getTime()),
  });
}

function badFolderName(): StorageError {
  return new StorageError('bucket_not_found', 'The folder has a name that local_disk does not allow.', {
    operation: 'connect',
    hint: 'Correct bucket_name: 1 to 63 letters, digits, dots, dashes or underscores.',
    retryable: false,
  });
}
