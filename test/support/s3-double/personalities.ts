/** How one provider of the S3 family differs from the others, as data. Sources: the providers' own error pages. */
export interface Personality {
  readonly name: string;
  readonly serverHeader: string;
  /** The region of buckets made without one. */
  readonly region: string;
  /** `exact`: another signing region is refused as AWS does; a list: only these names are taken; `any`: ignored. */
  readonly signingRegion: 'exact' | 'any' | readonly string[];
  readonly signatures: 'verified' | 'ignored';
  /** `If-None-Match` / `If-Match` on writes. */
  readonly conditionalWrites: 'honoured' | 'not_implemented' | 'ignored';
  /** Whether the end of a multipart upload obeys them too; otherwise it does not look at them. */
  readonly conditionalComplete: boolean;
  /** `x-amz-checksum-*`, `x-amz-sdk-checksum-algorithm`, `x-amz-checksum-mode`. */
  readonly checksumHeaders: 'verified' | 'refused' | 'ignored';
  readonly contentMd5: 'verified' | 'ignored';
  readonly awsChunked: 'accepted' | 'refused';
  readonly acl: 'accepted' | 'not_implemented';
  /** All parts but the last must have one length. */
  readonly equalParts: boolean;
  /** DELETE without a version leaves a marker; the bytes stay (and are billed). */
  readonly deleteHides: boolean;
  /** Writes to one key beyond this rate answer 429. */
  readonly sameKeyWritesPerSecond: number | undefined;
  readonly ranges: 'honoured' | 'ignored';
  /** These operations answer 200 and a web page, as a captive portal or a wrong host does. */
  readonly htmlAnswers: readonly string[];
  /** How the provider words what AWS words differently. */
  readonly unknownKey: { readonly code: string; readonly message?: string };
  readonly expiredUrl: { readonly code: string; readonly status: number; readonly message: string };
  readonly deniedNamesAction: boolean;
}

const AWS: Personality = {
  name: 'aws',
  serverHeader: 'AmazonS3',
  region: 'eu-west-1',
  signingRegion: 'exact',
  signatures: 'verified',
  conditionalWrites: 'honoured',
  conditionalComplete: true,
  checksumHeaders: 'verified',
  contentMd5: 'verified',
  awsChunked: 'accepted',
  acl: 'accepted',
  equalParts: false,
  deleteHides: false,
  sameKeyWritesPerSecond: undefined,
  ranges: 'honoured',
  htmlAnswers: [],
  unknownKey: { code: 'InvalidAccessKeyId' },
  expiredUrl: { code: 'AccessDenied', status: 403, message: 'Request has expired' },
  deniedNamesAction: true,
};

const B2: Personality = {
  ...AWS,
  name: 'b2',
  serverHeader: 'nginx',
  region: 'us-west-004',
  signingRegion: 'any',
  conditionalWrites: 'not_implemented',
  checksumHeaders: 'refused',
  deleteHides: true,
  unknownKey: { code: 'InvalidAccessKeyId', message: 'Malformed Access Key Id' },
  deniedNamesAction: false,
};

const R2: Personality = {
  ...AWS,
  name: 'r2',
  serverHeader: 'cloudflare',
  region: 'auto',
  signingRegion: ['auto', 'us-east-1', ''],
  conditionalComplete: false,
  acl: 'not_implemented',
  equalParts: true,
  unknownKey: { code: 'Unauthorized' },
  expiredUrl: { code: 'ExpiredRequest', status: 403, message: 'Request has expired' },
  deniedNamesAction: false,
};

const SPACES: Personality = {
  ...AWS,
  name: 'spaces',
  serverHeader: 'Ceph Object Gateway (squid)',
  region: 'fra1',
  signingRegion: 'any',
  checksumHeaders: 'ignored',
  awsChunked: 'refused',
  deniedNamesAction: false,
};

/** Says yes to everything: what a connection test must see through. */
const BROKEN: Personality = {
  ...AWS,
  name: 'broken',
  serverHeader: 'nginx',
  signingRegion: 'any',
  signatures: 'ignored',
  conditionalWrites: 'ignored',
  checksumHeaders: 'ignored',
  contentMd5: 'ignored',
  ranges: 'ignored',
  htmlAnswers: ['ListObjectsV2', 'ListObjects', 'CompleteMultipartUpload'],
  deniedNamesAction: false,
};

export const PERSONALITIES = { aws: AWS, b2: B2, r2: R2, spaces: SPACES, broken: BROKEN } as const;

export type PersonalityName = keyof typeof PERSONALITIES;
