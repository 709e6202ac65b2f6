import { describe, expect, it } from '@jest/globals';
import { awsS3 } from '../storage-providers/providers/aws-s3.js';
import { backblazeB2 } from '../storage-providers/providers/backblaze-b2.js';
import { cloudflareR2 } from '../storage-providers/providers/cloudflare-r2.js';
import { s3Compatible } from '../storage-providers/providers/s3-compatible.js';
import { readCandidate, type ReadSettings } from './read-candidate.js';

const STORED = {
  bucket_name: 'my-bucket',
  key_id: '004stored',
  application_key: 'K004stored',
  region: 'us-west-004',
  prefix: 'stowage/',
};

describe('settings of a request', () => {
  it('need every secret when nothing is stored', () => {
    const read = readCandidate(backblazeB2, { bucket_name: 'my-bucket' }, undefined, undefined);
    expect(fieldsWrong(read)).toEqual(['key_id', 'application_key']);
  });

  it('keep the secrets that they leave out', () => {
    const read = readCandidate(
      backblazeB2,
      { bucket_name: 'other-bucket', region: 'us-west-004' },
      STORED,
      undefined,
    );
    expect(read).toEqual({ settings: { ...STORED, bucket_name: 'other-bucket' } });
  });

  it('replace the secrets that they give and keep the others', () => {
    const body = { bucket_name: 'my-bucket', region: 'us-west-004', application_key: 'K004new' };
    const read = readCandidate(backblazeB2, body, STORED, undefined);
    expect(read).toEqual({ settings: { ...STORED, application_key: 'K004new' } });
  });

  it('know the secrets by their other names', () => {
    const body = { bucket_name: 'my-bucket', accessKey: '004new', secretKey: 'K004new' };
    const read = readCandidate(backblazeB2, body, STORED, undefined);
    expect(read).toMatchObject({ settings: { key_id: '004new', application_key: 'K004new' } });
  });

  describe('do not take a kept secret to another address:', () => {
    it.each([
      ['another region', backblazeB2, STORED, { bucket_name: 'my-bucket', region: 'eu-central-003' }],
      [
        'another account',
        cloudflareR2,
        { account_id: 'a'.repeat(32), access_key_id: 'k', secret_access_key: 's', bucket_name: 'my-bucket' },
        { account_id: 'b'.repeat(32), bucket_name: 'my-bucket' },
      ],
      [
        'another jurisdiction',
        cloudflareR2,
        { account_id: 'a'.repeat(32), access_key_id: 'k', secret_access_key: 's', bucket_name: 'my-bucket' },
        { account_id: 'a'.repeat(32), jurisdiction: 'eu', bucket_name: 'my-bucket' },
      ],
      [
        'another endpoint',
        s3Compatible,
        { endpoint: 'https://s3.example.com', access_key_id: 'k', secret_access_key: 's', bucket_name: 'b' },
        { endpoint: 'https://s3.example.com.evil.example', bucket_name: 'b' },
      ],
      [
        'another port',
        s3Compatible,
        { endpoint: 'https://s3.example.com', access_key_id: 'k', secret_access_key: 's', bucket_name: 'b' },
        { endpoint: 'https://s3.example.com:8443', bucket_name: 'b' },
      ],
      [
        'http instead of https',
        s3Compatible,
        { endpoint: 'https://s3.example.com', access_key_id: 'k', secret_access_key: 's', bucket_name: 'b' },
        { endpoint: 'http://s3.example.com', bucket_name: 'b' },
      ],
    ])('%s', (_, provider, stored, body) => {
      const read = readCandidate(provider, body, stored, undefined);
      expect(fieldsWrong(read).every((field) => /key/.test(field))).toBe(true);
      expect(fieldsWrong(read)).toHaveLength(2);
      expect(problems(read)[0]?.problem).toMatch(/must be given again/);
    });

    it('the default region instead of the stored one', () => {
      const stored = {
        bucket_name: 'my-bucket',
        region: 'eu-west-1',
        access_key_id: 'k',
        secret_access_key: 's',
      };
      const read = readCandidate(awsS3, { bucket_name: 'my-bucket' }, stored, 'us-west-2');
      expect(fieldsWrong(read)).toEqual(['access_key_id', 'secret_access_key']);
    });
  });

  it('keep the secrets for the same address, however it is written', () => {
    const stored = {
      endpoint: 'https://s3.example.com',
      access_key_id: 'k',
      secret_access_key: 's',
      bucket_name: 'b',
    };
    const read = readCandidate(
      s3Compatible,
      { endpoint: 'S3.example.com:443', bucket_name: 'b' },
      stored,
      undefined,
    );
    expect(read).toMatchObject({ settings: { access_key_id: 'k', secret_access_key: 's' } });
  });

  it('refuse a mask in place of a secret', () => {
    const body = { bucket_name: 'my-bucket', region: 'us-west-004', secretKey: '********' };
    expect(fieldsWrong(readCandidate(backblazeB2, body, STORED, undefined))).toEqual(['application_key']);
  });

  it('tell what else is wrong before the secrets', () => {
    const read = readCandidate(backblazeB2, { bucket_name: 'A_B', region: 'x.evil' }, STORED, undefined);
    expect(fieldsWrong(read)).toEqual(['bucket_name', 'region']);
  });

  it('never repeat a secret in a problem', () => {
    const body = { bucket_name: '..', application_key: 'K004 with a space', key_id: 'a/b' };
    const read = readCandidate(backblazeB2, body, STORED, undefined);
    expect(problems(read).length).toBe(3);
    expect(JSON.stringify(read)).not.toMatch(/with a space|a\/b|K004stored/);
  });
});

function problems(read: ReadSettings) {
  return 'problems' in read ? read.problems : [];
}

function fieldsWrong(read: ReadSettings): string[] {
  return problems(read).map(({ field }) => field);
}
