/*
 * What a bucket must be told so that browsers may send files straight into it: a web page of another origin asks the
 * bucket first ("preflight"), and only the bucket's own CORS rules answer that.
 */

/** How browsers get to reach a bucket of one kind. */
export interface CorsAdvice {
  /** What to do with the rules, as short Markdown; `{bucket}` is replaced by whoever follows it. */
  readonly steps: string;
  readonly rulesLanguage: 'json' | 'xml' | 'text';
  /** The rules or the command, ready to copy, for these origins. */
  rules(origins: readonly string[]): string;
}

/** What signed uploads and downloads use. */
const METHODS = ['GET', 'HEAD', 'PUT'];

/** Uploads in parts are compared by it. */
const EXPOSED = ['ETag'];

const MAX_AGE_SECONDS = 600;

/** Request headers that go with signed URLs of the S3 family. */
const S3_HEADERS = ['content-type', 'content-md5', 'if-none-match', 'x-amz-checksum-sha256'];

/** The document of `PutBucketCors`, as AWS's command line takes it. */
export const S3_CORS: CorsAdvice = {
  steps:
    'Save as `cors.json`, then `aws s3api put-bucket-cors --bucket {bucket} --cors-configuration file://cors.json` ' +
    '(at another service than AWS with its `--endpoint-url`).',
  rulesLanguage: 'json',
  rules: (origins) => json({ CORSRules: [awsRule(origins)] }),
};

/** The same as a console takes it that wants the list alone. */
export const R2_CORS: CorsAdvice = {
  steps: 'In the Cloudflare dashboard, paste it under **R2 > {bucket} > Settings > CORS Policy**.',
  rulesLanguage: 'json',
  rules: (origins) => json([{ ...awsRule(origins), AllowedHeaders: S3_HEADERS }]),
};

export const S3_XML_CORS: CorsAdvice = {
  steps: 'Save as `cors.xml`, then `s3cmd setcors cors.xml s3://{bucket}`.',
  rulesLanguage: 'xml',
  rules: (origins) => {
    const tags = (name: string, values: readonly string[]) =>
      values.map((value) => `<${name}>${value}</${name}>`);
    const rule = [
      ...tags('AllowedOrigin', origins),
      ...tags('AllowedMethod', METHODS),
      '<AllowedHeader>*</AllowedHeader>',
      ...tags('ExposeHeader', EXPOSED),
      `<MaxAgeSeconds>${MAX_AGE_SECONDS}</MaxAgeSeconds>`,
    ];
    return `<CORSConfiguration>\n  <CORSRule>\n    ${rule.join('\n    ')}\n  </CORSRule>\n</CORSConfiguration>`;
  },
};

export const B2_CORS: CorsAdvice = {
  steps: 'Save as `cors.json`, then `b2 bucket update --cors-rules "$(cat cors.json)" {bucket}`.',
  rulesLanguage: 'json',
  rules: (origins) =>
    json([
      {
        corsRuleName: 'stowage',
        allowedOrigins: origins,
        allowedOperations: METHODS.map((method) => `s3_${method.toLowerCase()}`),
        allowedHeaders: ['*'],
        exposeHeaders: EXPOSED.map((header) => header.toLowerCase()),
        maxAgeSeconds: MAX_AGE_SECONDS,
      },
    ]),
};

/** Cloud Storage lists request headers and exposed ones together. */
export const GCS_CORS: CorsAdvice = {
  steps: 'Save as `cors.json`, then `gcloud storage buckets update gs://{bucket} --cors-file=cors.json`.',
  rulesLanguage: 'json',
  rules: (origins) =>
    json([
      {
        origin: origins,
        method: METHODS,
        responseHeader: [
          ...EXPOSED,
          'Content-Type',
          'Content-MD5',
          'x-goog-content-length-range',
          'x-goog-if-generation-match',
        ],
        maxAgeSeconds: MAX_AGE_SECONDS,
      },
    ]),
};

/** Azure keeps the rules of all containers in the account. */
export const AZURE_CORS: CorsAdvice = {
  steps: 'Run it with the Azure command line; the rules are those of the whole storage account.',
  rulesLanguage: 'text',
  rules: (origins) =>
    [
      'az storage cors add --services b',
      `--methods ${METHODS.join(' ')} OPTIONS`,
      `--origins ${origins.join(' ')}`,
      "--allowed-headers '*'",
      `--exposed-headers ${EXPOSED.join(' ')}`,
      `--max-age ${MAX_AGE_SECONDS}`,
      '--account-name {account_name}',
    ].join(' '),
};

/** Files of a local disk are reached through this server. */
export const LOCAL_CORS: CorsAdvice = {
  steps: 'Nothing to do at a bucket: this server itself answers browsers, by its setting `CORS_ORIGINS`.',
  rulesLanguage: 'text',
  rules: (origins) => `CORS_ORIGINS=${origins.join(',')}`,
};

function awsRule(origins: readonly string[]) {
  return {
    AllowedOrigins: origins,
    AllowedMethods: METHODS,
    AllowedHeaders: ['*'],
    ExposeHeaders: EXPOSED,
    MaxAgeSeconds: MAX_AGE_SECONDS,
  };
}

function json(rules: object): string {
  return JSON.stringify(rules, null, 2);
}
