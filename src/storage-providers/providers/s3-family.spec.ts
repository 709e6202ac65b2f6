import { describe, expect, it } from '@jest/globals';
import { createDialer } from '../dialer.js';
import { StorageError } from '../storage-errors.js';
import type { ConnectContext, ProviderSettings, SettingField, StorageProvider } from '../storage-provider.js';
import { awsS3 } from './aws-s3.js';
import { backblazeB2 } from './backblaze-b2.js';
import { cloudflareR2 } from './cloudflare-r2.js';
import { digitaloceanSpaces } from './digitalocean-spaces.js';
import { s3Compatible } from './s3-compatible.js';

const FAMILY: readonly StorageProvider[] = [
  awsS3,
  backblazeB2,
  cloudflareR2,
  digitaloceanSpaces,
  s3Compatible,
];
const ACCOUNT_ID = '0123456789abcdef0123456789abcdef';

const context: ConnectContext = {
  dialer: createDialer({ allowedPrivateEndpoints: ['127.0.0.1'] }),
  localDiskRoot: '/nonexistent',
  timeouts: { connectMs: 1_000, responseMs: 1_000, idleBodyMs: 1_000 },
};

const SETTINGS: Readonly<Record<string, ProviderSettings>> = {
  aws_s3: {
    bucket_name: 'my-dumont-snapshots',
    access_key_id: 'AKIAXXXXXXXXXXXXXXXX',
    secret_access_key: 'x'.repeat(40),
    region: 'us-west-2',
  },
  backblaze_b2: {
    bucket_name: 'my-dumont-snapshots',
    key_id: '004xxxxxxxxxxxx',
    application_key: 'K004xxxxxxxxxxxxxxxxxxxxxxxxx',
    region: 'us-west-004',
  },
  cloudflare_r2: {
    bucket_name: 'my-dumont-snapshots',
    account_id: ACCOUNT_ID,
    access_key_id: 'x'.repeat(20),
    secret_access_key: 'x'.repeat(40),
  },
  digitalocean_spaces: {
    bucket_name: 'my-space',
    access_key_id: 'DO00XXXXXXXXXXXXXXXX',
    secret_access_key: 'x'.repeat(43),
    region: 'fra1',
  },
  s3_compatible: {
    bucket_name: 'My_Bucket.1',
    endpoint: 'https://s3.example.com',
    access_key_id: 'minio',
    secret_access_key: 'minio+/=123',
  },
};

const fieldOf = (provider: StorageProvider, name: string): SettingField => {
  const field = provider.fields.find((candidate) => candidate.name === name);
  if (!field) throw new Error(`${provider.name} has no field ${name}`);
  return field;
};
const accepts = (field: SettingField, value: string) =>
  value.length <= field.maxLength && field.pattern.exec(value)?.[0] === value;

describe.each(FAMILY.map((provider) => [provider.name, provider] as const))('%s', (name, provider) => {
  const settings = SETTINGS[name] ?? {};

  it('accepts the settings of its documentation', () => {
    for (const [field, value] of Object.entries(settings)) {
      expect([field, value, accepts(fieldOf(provider, field), value)]).toEqual([field, value, true]);
    }
    expect(provider.checkSettings?.(settings) ?? []).toEqual([]);
  });

  it('has fields whose examples and defaults are valid, and names that mean one thing each', () => {
    const names = provider.fields.flatMap((field) => [field.name, ...(field.aliases ?? [])]);
    expect(new Set(names).size).toBe(names.length);
    for (const field of provider.fields) {
      expect([field.name, accepts(field, field.example)]).toEqual([field.name, true]);
      if (field.defaultValue !== undefined) expect(accepts(field, field.defaultValue)).toBe(true);
      expect(field.patternHelp).toMatch(/^must be /);
    }
    expect(fieldOf(provider, 'prefix').defaultValue).toBe('stowage/');
  });

  it('takes the names of the implementation guide', () => {
    const names = new Set(provider.fields.flatMap((field) => [field.name, ...(field.aliases ?? [])]));
    for (const guideName of [
      'accessKey',
      'secretKey',
      'access_key',
      'secret_key',
      'bucketName',
      'bucket_name',
    ]) {
      expect([guideName, names.has(guideName)]).toEqual([guideName, true]);
    }
  });

  it('keeps the secret secret and the bucket visible', () => {
    const secrets = provider.fields.filter((field) => field.secret).map((field) => field.name);
    expect(secrets).toHaveLength(2);
    expect(secrets).not.toContain('bucket_name');
  });

  it('opens without contacting anybody', async () => {
    const storage = provider.connect(settings, context);
    expect(storage).toMatchObject({ provider: name });
    expect(storage.urlOf('a/b')).toBe(`s3://${settings.bucket_name}/a/b`);
    expect(storage.maxPutBytes).toBeGreaterThan(4 * 1024 ** 3);
    await storage.close();
  });

  it('lets a connection test overrule what it promises', async () => {
    const storage = provider.connect(settings, {
      ...context,
      capabilities: { createOnly: true, contentBound: 'none' },
    });
    expect(storage.capabilities).toEqual({ createOnly: true, contentBound: 'none' });
    await storage.close();
  });

  it('has a guide with a policy, and a dated price', () => {
    expect(provider.guide.policy).toContain('{bucket}');
    if (provider.guide.policyLanguage === 'json')
      expect(() => JSON.parse(provider.guide.policy)).not.toThrow();
    expect(provider.price.asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });
});

describe('endpoints', () => {
  it.each<[StorageProvider, ProviderSettings, string]>([
    [awsS3, { region: 'eu-west-1' }, 's3.eu-west-1.amazonaws.com'],
    [awsS3, { region: 'cn-north-1' }, 's3.cn-north-1.amazonaws.com.cn'],
    [awsS3, {}, 's3.us-east-1.amazonaws.com'],
    [backblazeB2, { region: 'us-west-004' }, 's3.us-west-004.backblazeb2.com'],
    [backblazeB2, {}, 's3.us-west-004.backblazeb2.com'],
    [cloudflareR2, { account_id: ACCOUNT_ID }, `${ACCOUNT_ID}.r2.cloudflarestorage.com`],
    [
      cloudflareR2,
      { account_id: ACCOUNT_ID, jurisdiction: 'eu' },
      `${ACCOUNT_ID}.eu.r2.cloudflarestorage.com`,
    ],
    [digitaloceanSpaces, { region: 'fra1' }, 'fra1.digitaloceanspaces.com'],
    [s3Compatible, { endpoint: 's3.example.com' }, 's3.example.com'],
    [s3Compatible, { endpoint: 'https://s3.example.com:9000/' }, 's3.example.com:9000'],
  ])('%j with %j is %s', (provider, settings, host) => {
    expect(provider.endpointOf(settings)?.host).toBe(host);
  });

  it("uses the installation's region for AWS when none is set", () => {
    expect(awsS3.endpointOf({}, 'us-west-2')?.host).toBe('s3.us-west-2.amazonaws.com');
    expect(awsS3.endpointOf({ region: 'eu-west-1' }, 'us-west-2')?.host).toBe('s3.eu-west-1.amazonaws.com');
  });

  const SMUGGLED = [
    'evil.example/#',
    'evil.example',
    'us-east-1.evil',
    'x@evil.example',
    'a/../b',
    'us east',
    'us-east-1\n',
    'US-EAST-1',
    'us_east_1',
    '',
    'ü',
    'x'.repeat(300),
    '-a',
  ];

  it.each(SMUGGLED)('no region %j becomes part of a host', (region) => {
    for (const provider of [awsS3, backblazeB2, digitaloceanSpaces]) {
      expect(accepts(fieldOf(provider, 'region'), region)).toBe(false);
      expect(() => provider.endpointOf({ region })).toThrow(StorageError);
      expect(() => provider.connect({ ...SETTINGS[provider.name], region }, context)).toThrow(StorageError);
    }
  });

  it.each(['evil.example/#', ACCOUNT_ID.toUpperCase(), `${ACCOUNT_ID}.evil`, ACCOUNT_ID.slice(1), ''])(
    'no account id %j becomes part of a host',
    (account_id) => {
      expect(accepts(fieldOf(cloudflareR2, 'account_id'), account_id)).toBe(false);
    },
  );

  it('takes no jurisdiction from elsewhere', () => {
    expect(accepts(fieldOf(cloudflareR2, 'jurisdiction'), 'evil.example/#')).toBe(false);
    expect(() => cloudflareR2.endpointOf({ account_id: ACCOUNT_ID, jurisdiction: 'evil.example/#' })).toThrow(
      StorageError,
    );
  });
});

describe('bucket names', () => {
  const bad = [
    '',
    'ab',
    'a'.repeat(64),
    '..',
    'a..b',
    'a/b',
    'A_B',
    'Bucket',
    '192.168.1.1',
    'xn--abc',
    'end.',
    '-a',
    'a-',
    ' a b',
    'a\n',
    'ü'.repeat(3),
  ];

  it.each(bad)('AWS allows no bucket %j', (name) => {
    expect(accepts(fieldOf(awsS3, 'bucket_name'), name)).toBe(false);
  });

  it.each(['abc', 'my-bucket', 'my.bucket.1', '1bucket', 'a'.repeat(63)])(
    'AWS allows the bucket %j',
    (name) => {
      expect(accepts(fieldOf(awsS3, 'bucket_name'), name)).toBe(true);
    },
  );

  it.each(['.', '..', 'a/b', 'a b', 'a?b', 'a\\b', '%2e', ''])(
    'no server is asked for the bucket %j',
    (name) => {
      expect(accepts(fieldOf(s3Compatible, 'bucket_name'), name)).toBe(false);
    },
  );
});

describe('s3_compatible', () => {
  const problems = (settings: ProviderSettings) =>
    (s3Compatible.checkSettings?.({ ...SETTINGS.s3_compatible, ...settings }) ?? []).map(
      ({ field }) => field,
    );

  it.each([
    'ftp://h',
    'https://user:pw@h',
    'https://h?x=1',
    'https://h#f',
    'https://h/../..%2f',
    'h h',
    'javascript:alert(1)',
  ])('takes no endpoint %j', (endpoint) => {
    expect(accepts(fieldOf(s3Compatible, 'endpoint'), endpoint)).toBe(false);
  });

  it('finds what single fields cannot show', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ endpoint: 'https://h:99999' })).toEqual(['endpoint']);
    expect(problems({ path_style: 'false' })).toEqual(['path_style']);
    expect(problems({ path_style: 'false', bucket_name: 'bucket-1' })).toEqual([]);
  });

  it('connects to private endpoints only when the operator allows it', async () => {
    const open = (endpoint: string) => s3Compatible.connect({ ...SETTINGS.s3_compatible, endpoint }, context);
    expect(() => open('http://10.0.0.1:9000')).toThrow(/ALLOWED_PRIVATE_ENDPOINTS|not connect/);
    expect(() => open('http://s3.example.com')).toThrow(/not connect/);
    await open('http://127.0.0.1:9000').close();
  });

  it('signs for the bucket in the path or in the host', async () => {
    const urlWith = async (path_style: string) => {
      const storage = s3Compatible.connect(
        { ...SETTINGS.s3_compatible, bucket_name: 'box', path_style },
        context,
      );
      const { url } = (await storage.signedUrls?.signGet('k', { expiresInSeconds: 60 })) ?? { url: '' };
      await storage.close();
      return url.split('?')[0];
    };
    await expect(urlWith('true')).resolves.toBe('https://s3.example.com/box/k');
    await expect(urlWith('false')).resolves.toBe('https://box.s3.example.com/k');
  });
});

describe('signed URLs', () => {
  it('answer when they end, and refuse a life that providers do not grant', async () => {
    const now = Date.parse('2026-11-22T07:00:00Z');
    const storage = awsS3.connect(SETTINGS.aws_s3 ?? {}, { ...context, now: () => now });
    const signed = await storage.signedUrls?.signPut('k', {
      expiresInSeconds: 900,
      sizeBytes: 5,
      createOnly: true,
    });
    expect(signed).toMatchObject({
      method: 'PUT',
      headers: { 'content-length': '5', 'if-none-match': '*' },
      expiresAt: new Date(now + 900_000),
    });
    expect(signed?.url).toMatch(/^https:\/\/my-dumont-snapshots\.s3\.us-west-2\.amazonaws\.com\/k\?/);
    for (const expiresInSeconds of [0, -1, NaN, 604_801]) {
      await expect(storage.signedUrls?.signGet('k', { expiresInSeconds })).rejects.toThrow(StorageError);
    }
    await storage.close();
  });
});
