import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { parseServiceAccount } from './service-account.js';

const rsa = (modulusLength: number) =>
  generateKeyPairSync('rsa', { modulusLength })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();

const PEM = rsa(2_048);
const FILE = {
  type: 'service_account',
  project_id: 'my-project',
  private_key_id: '0123456789abcdef',
  private_key: PEM,
  client_email: 'stowage@my-project.iam.gserviceaccount.com',
  client_id: '1',
  token_uri: 'https://evil.example/token',
  universe_domain: 'googleapis.com',
};
const parse = (change: Record<string, unknown>) =>
  parseServiceAccount(JSON.stringify({ ...FILE, ...change }));

describe('parseServiceAccount', () => {
  it('takes four fields and nothing else', () => {
    const account = parseServiceAccount(JSON.stringify(FILE));
    expect(Object.keys(account).sort()).toEqual(['clientEmail', 'privateKey', 'privateKeyId', 'projectId']);
    expect(account).toMatchObject({ clientEmail: FILE.client_email, privateKeyId: '0123456789abcdef' });
  });

  it('forgives a key whose line breaks were escaped twice, and Windows line breaks', () => {
    expect(parse({ private_key: PEM.replaceAll('\n', '\\n') })).toHaveProperty('privateKey');
    expect(parse({ private_key: PEM.replaceAll('\n', '\r\n') })).toHaveProperty('privateKey');
  });

  it.each([
    'external_account',
    'authorized_user',
    'impersonated_service_account',
    'external_account_authorized_user',
    'gdch_service_account',
    'SERVICE_ACCOUNT',
    undefined,
    ['service_account'],
  ])('refuses type %p', (type) => {
    expect(parse({ type })).toMatchObject({ problem: expect.stringContaining('service_account') });
  });

  it.each([
    ['another universe', { universe_domain: 'evil.example' }, 'universe_domain'],
    ['an empty universe', { universe_domain: '' }, 'universe_domain'],
    ['no e-mail', { client_email: undefined }, 'client_email'],
    ['an e-mail with a line break', { client_email: 'a@b.c\nx' }, 'client_email'],
    ['no key', { private_key: undefined }, 'private_key'],
    ['an object for a key', { private_key: { key: PEM } }, 'private_key'],
    ['a truncated key', { private_key: PEM.slice(0, 200) }, 'private_key'],
    ['a short RSA key', { private_key: rsa(1_024) }, '2048'],
    [
      'an elliptic curve key',
      {
        private_key: generateKeyPairSync('ec', { namedCurve: 'P-256' })
          .privateKey.export({ type: 'pkcs8', format: 'pem' })
          .toString(),
      },
      'RSA',
    ],
    [
      'an encrypted key',
      {
        private_key: generateKeyPairSync('rsa', { modulusLength: 2_048 })
          .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
      },
      'unencrypted',
    ],
    [
      'a public key',
      {
        private_key: generateKeyPairSync('rsa', { modulusLength: 2_048 })
          .publicKey.export({ type: 'spki', format: 'pem' })
          .toString(),
      },
      'private_key',
    ],
  ])('refuses %s', (_name, change, word) => {
    expect(parse(change)).toMatchObject({ problem: expect.stringContaining(word) });
  });

  it.each([
    ['no JSON', 'not json'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a JSON string of the file', JSON.stringify(JSON.stringify(FILE))],
    ['base64 of the file', Buffer.from(JSON.stringify(FILE)).toString('base64')],
    ['a prototype', `{"__proto__":${JSON.stringify(FILE)}}`],
    ['more than 16 KiB', JSON.stringify({ ...FILE, filler: 'x'.repeat(16_384) })],
  ])('refuses %s', (_name, json) => {
    expect(parseServiceAccount(json)).toHaveProperty('problem');
  });

  it('repeats nothing of the file in a problem', () => {
    const problems = [
      parse({ type: 'canary' }),
      parse({ private_key: 'canary' }),
      parse({ client_email: 'canary' }),
    ];
    expect(JSON.stringify(problems)).not.toContain('canary');
  });
});
