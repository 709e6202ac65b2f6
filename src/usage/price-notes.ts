import type { ProviderName } from '../storage-providers/storage-provider.js';

/** What a provider's bill has besides the list price, and the estimates leave out. */
export const PRICE_NOTES: Readonly<Record<ProviderName, readonly string[]>> = {
  aws_s3: ['The first 100 GB of egress a month are free.', 'The price is that of S3 Standard in us-east-1.'],
  google_gcs: ['Some US regions have 5 GB and some requests free.', 'The price is that of Standard storage.'],
  azure_blob: [
    'The first 100 GB of egress a month are free.',
    'The price is that of the hot tier with LRS; reads and writes of the cool tiers cost more.',
  ],
  backblaze_b2: [
    'The first 10 GB stored are free.',
    'Egress up to three times the stored amount is free.',
    'The first 2,500 reads and listings a day are free.',
  ],
  cloudflare_r2: [
    'The first 10 GB, one million writes and ten million reads a month are free.',
    'Egress is free without a limit.',
  ],
  digitalocean_spaces: [
    'At least 5 USD a month, with 250 GiB of storage and 1 TiB of egress in it.',
    'Requests are not billed.',
  ],
  s3_compatible: ['The price is not known: the operator can enter it in the price table.'],
  local_disk: ['What the disk costs is not known: the operator can enter it in the price table.'],
};
