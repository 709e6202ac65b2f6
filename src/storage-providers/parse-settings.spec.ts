import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { parseSettings, publicSettings } from './parse-settings.js';
import { backblazeB2 } from './providers/backblaze-b2.js';
import { googleGcs } from './providers/google-gcs.js';
import { s3Compatible } from './providers/s3-compatible.js';

const VALID = {
  bucket_name: 'my-bucket',
  key_id: `004${'a'.repeat(22)}`,
  application_key: `K004${'b'.repeat(27)}`,
};
const required = { secretsRequired: true };

function problems(body: unknown, options: Parameters<typeof parseSettings>[2] = required) {
  const parsed = parseSettings(backblazeB2, body, options);
  return 'problems' in parsed
    ? Object.fromEntries(parsed.problems.map((one) => [one.field, one.problem]))
    : {};
}

function settings(body: unknown, options: Parameters<typeof parseSettings>[2] = required) {
  const parsed = parseSettings(backblazeB2, body, options);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings;
}

describe('parseSettings', () => {
  it('takes the fields, fills in the defaults and trims what was pasted', () => {
    const parsed = settings({ provider: 'backblaze_b2', ...VALID, bucket_name: '  my-bucket\n' });
    expect(parsed).toMatchObject({ bucket_name: 'my-bucket', prefix: 'stowage/' });
  });

  it('names every problem at once', () => {
    const found = problems({ bucket_name: 'A_B', region: 'evil.example/#', unknown: 1 });
    expect(Object.keys(found).sort()).toEqual([
      'application_key',
      'bucket_name',
      'key_id',
      'region',
      'unknown',
    ]);
  });

  it.each([null, [], 'x', 1, undefined])('refuses %p as a whole', (body) => {
    expect(problems(body)).toEqual({ '': 'must be an object' });
  });

  it.each([null, [], ['my-bucket']])('refuses %p as a value', (value) => {
    expect(problems({ ...VALID, bucket_name: value })).toEqual({ bucket_name: 'must be text' });
  });

  it('takes aliases, but not two different values for one field', () => {
    const { bucket_name: bucketName, ...rest } = VALID;
    expect(settings({ ...rest, bucketName }).bucket_name).toBe('my-bucket');
    expect(problems({ ...VALID, bucketName: 'another' }).bucket_name).toMatch(/two values/);
  });

  it('keeps a secret that is left out, and takes an empty one for a mistake', () => {
    const { application_key: secret, ...rest } = VALID;
    const previous = { ...VALID };
    expect(settings(rest, { ...required, previous }).application_key).toBe(secret);
    expect(problems(rest)).toEqual({ application_key: 'is required' });
    expect(problems({ ...VALID, application_key: '' }, { ...required, previous }).application_key).toMatch(
      /empty/,
    );
    expect(settings(rest, { secretsRequired: false })).not.toHaveProperty('application_key');
  });

  it.each(['********', '\u2022\u2022\u2022\u2022\u2022\u2022\u2022\u2022', '<redacted>', 'REDACTED'])(
    'takes the placeholder %j for a mistake, not for "unchanged"',
    (mask) => {
      const previous = { ...VALID };
      expect(
        problems({ ...VALID, application_key: mask }, { ...required, previous }).application_key,
      ).toMatch(/placeholder/);
    },
  );

  it('takes the keys of the settings document as they stand there', () => {
    expect(settings({ ...VALID, application_key: 'x'.repeat(40) }).application_key).toBe('x'.repeat(40));
  });

  it('says so when a secret was pasted with a line break in it, but takes a key file with many', () => {
    const broken = `${VALID.application_key.slice(0, 9)}\n${VALID.application_key.slice(9)}`;
    expect(problems({ ...VALID, application_key: broken }).application_key).toMatch(/line breaks/);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const file = {
      type: 'service_account',
      client_email: 'a@b.iam.gserviceaccount.com',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    for (const service_account_json of [file, JSON.stringify(file), ` ${JSON.stringify(file, null, 2)}\n`]) {
      const parsed = parseSettings(googleGcs, { bucket_name: 'my-bucket', service_account_json }, required);
      expect(parsed).toMatchObject({ settings: { region: 'us-central1' } });
      const text = 'settings' in parsed ? parsed.settings.service_account_json! : '';
      expect(JSON.parse(text)).toEqual(file);
    }
    const foreign = { ...file, type: 'external_account' };
    expect(
      parseSettings(googleGcs, { bucket_name: 'my-bucket', serviceAccountJSON: foreign }, required),
    ).toEqual({
      problems: [{ field: 'service_account_json', problem: expect.stringContaining('service_account') }],
    });
  });

  it('is not impressed by members of Object.prototype', () => {
    const body = { ...VALID, ...(JSON.parse('{"__proto__":{"region":"x"},"constructor":"y"}') as object) };
    expect(problems(body)).toHaveProperty('constructor');
    expect(problems(JSON.parse(`{"__proto__":${JSON.stringify(VALID)}}`))).toHaveProperty('bucket_name');
  });

  it('asks the provider for what no single field can tell', () => {
    const body = {
      bucket_name: 'Not_A_Host',
      endpoint: 'https://s3.example.com',
      access_key_id: 'AKIAEXAMPLE',
      secret_access_key: 'secret-secret',
      path_style: false,
    };
    expect(parseSettings(s3Compatible, body, required)).toEqual({
      problems: [{ field: 'path_style', problem: expect.stringContaining('must be true') }],
    });
  });
});

describe('publicSettings', () => {
  it('leaves out every secret', () => {
    expect(JSON.stringify(publicSettings(backblazeB2, settings(VALID)))).not.toContain(VALID.application_key);
  });
});
