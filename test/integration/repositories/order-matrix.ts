import { awsS3 } from '../../../src/storage-providers/providers/aws-s3.js';
import { backblazeB2 } from '../../../src/storage-providers/providers/backblaze-b2.js';
import { cloudflareR2 } from '../../../src/storage-providers/providers/cloudflare-r2.js';
import { digitaloceanSpaces } from '../../../src/storage-providers/providers/digitalocean-spaces.js';
import { s3Compatible } from '../../../src/storage-providers/providers/s3-compatible.js';
import type { ProviderName } from '../../../src/storage-providers/storage-provider.js';
import { openOnAzurite, openOnGcsDouble, openOnS3Double } from '../../contract/open-stores.js';
import { openServedLocalDisk, type SigningStore } from './signing-stores.js';

/** What a provider itself refuses of an agent with a signed URL. */
export interface OrderRow {
  readonly provider: ProviderName;
  readonly open: () => Promise<SigningStore>;
  /** Other bytes of the same length. */
  readonly refusesOtherBytes: boolean;
  readonly refusesOtherLength: boolean;
  readonly refusesSecondPut: boolean;
}

const EVERYTHING = { refusesOtherBytes: true, refusesOtherLength: true, refusesSecondPut: true };

/** On servers of this process: cheap. */
export const ORDER_MATRIX: readonly OrderRow[] = [
  { provider: 'local_disk', open: openServedLocalDisk, ...EVERYTHING },
  { provider: 'aws_s3', open: () => openOnS3Double(awsS3, 'aws'), ...EVERYTHING },
  { provider: 'cloudflare_r2', open: () => openOnS3Double(cloudflareR2, 'r2'), ...EVERYTHING },
  {
    provider: 'backblaze_b2',
    open: () => openOnS3Double(backblazeB2, 'b2'),
    ...{ ...EVERYTHING, refusesSecondPut: false },
  },
  { provider: 'google_gcs', open: openOnGcsDouble, ...EVERYTHING },
];

/** Like others of the family; the making of a repository takes 2 s where nothing is create-only. */
export const FURTHER_ORDERS: readonly OrderRow[] = [
  {
    provider: 'digitalocean_spaces',
    open: () => openOnS3Double(digitaloceanSpaces, 'spaces'),
    ...{ ...EVERYTHING, refusesSecondPut: false },
  },
  {
    provider: 's3_compatible',
    open: () => openOnS3Double(s3Compatible, 'aws'),
    ...{ ...EVERYTHING, refusesSecondPut: false },
  },
  {
    provider: 'azure_blob',
    open: openOnAzurite,
    refusesOtherBytes: false,
    refusesOtherLength: false,
    refusesSecondPut: true,
  },
];
