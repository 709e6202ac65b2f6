import { awsS3 } from '../../src/storage-providers/providers/aws-s3.js';
import { backblazeB2 } from '../../src/storage-providers/providers/backblaze-b2.js';
import { cloudflareR2 } from '../../src/storage-providers/providers/cloudflare-r2.js';
import { digitaloceanSpaces } from '../../src/storage-providers/providers/digitalocean-spaces.js';
import { s3Compatible } from '../../src/storage-providers/providers/s3-compatible.js';
import type { ProviderName } from '../../src/storage-providers/storage-provider.js';
import {
  openOnAzurite,
  openOnGcsDouble,
  openOnLocalDisk,
  openOnRadosgw,
  openOnS3Double,
} from './open-stores.js';
import type { ContractStore } from './verbs/contract-store.js';

export type ContractServer = 's3 double' | 'gcs double' | 'azurite' | 'local disk' | 'radosgw';

export interface ContractRow {
  readonly provider: ProviderName;
  readonly server: ContractServer;
  readonly open: () => Promise<ContractStore>;
}

/** Which provider is held to the contract on which server; one line each. */
export const CONTRACT_MATRIX: readonly ContractRow[] = [
  { provider: 'local_disk', server: 'local disk', open: () => openOnLocalDisk() },
  { provider: 'aws_s3', server: 's3 double', open: () => openOnS3Double(awsS3, 'aws') },
  { provider: 'backblaze_b2', server: 's3 double', open: () => openOnS3Double(backblazeB2, 'b2') },
  { provider: 'cloudflare_r2', server: 's3 double', open: () => openOnS3Double(cloudflareR2, 'r2') },
  {
    provider: 'digitalocean_spaces',
    server: 's3 double',
    open: () => openOnS3Double(digitaloceanSpaces, 'spaces'),
  },
  { provider: 's3_compatible', server: 's3 double', open: () => openOnS3Double(s3Compatible, 'aws') },
  { provider: 'google_gcs', server: 'gcs double', open: () => openOnGcsDouble() },
  { provider: 'azure_blob', server: 'azurite', open: () => openOnAzurite() },
  { provider: 's3_compatible', server: 'radosgw', open: () => openOnRadosgw(s3Compatible) },
  { provider: 'digitalocean_spaces', server: 'radosgw', open: () => openOnRadosgw(digitaloceanSpaces) },
];

export function contractRows(server: ContractServer): readonly ContractRow[] {
  return CONTRACT_MATRIX.filter((row) => row.server === server);
}
