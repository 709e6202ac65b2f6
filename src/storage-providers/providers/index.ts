import type { StorageProvider } from '../storage-provider.js';
import { awsS3 } from './aws-s3.js';
import { azureBlob } from './azure-blob.js';
import { backblazeB2 } from './backblaze-b2.js';
import { cloudflareR2 } from './cloudflare-r2.js';
import { digitaloceanSpaces } from './digitalocean-spaces.js';
import { googleGcs } from './google-gcs.js';
import { localDisk } from './local-disk.js';
import { s3Compatible } from './s3-compatible.js';

/** All providers, in the order in which they are offered. To add one, add its file and its line. */
export const PROVIDERS: readonly StorageProvider[] = [
  awsS3,
  backblazeB2,
  cloudflareR2,
  digitaloceanSpaces,
  googleGcs,
  azureBlob,
  s3Compatible,
  localDisk,
];
