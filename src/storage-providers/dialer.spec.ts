import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { isPublicAddress, normalizeHost, parseAllowedEndpoints } from './address-policy.js';
import { createDialer } from './dialer.js';
import { isStorageError } from './storage-errors.js';
import type { Dialer } from './storage-provider.js';

const PUBLIC = '93.184.216.34';
const PUBLIC_V6 = '2606:2800:220:1:248:1893:25c8:1946';

/** A resolver as an attacker would run it. */
const HOSTILE_NAMES: Readonly<Record<string, readonly string[]>> = {
  'public.example': [PUBLIC],
  'dual.example': [PUBLIC_V6, PUBLIC],
  'private.example': ['10.0.0.5'],
  'loopback.example': ['127.0.0.1'],
  'loopback6.example': ['::1'],
  'metadata.example': ['169.254.169.254'],
  'mapped.example': ['::ffff:10.0.0.5'],
  'nat64.example': ['64:ff9b::a00:5'],
  'sixtofour.example': ['2002:a00:5::1'],
  'both.example': [PUBLIC, '10.0.0.5'],
  'both6.example': [PUBLIC_V6, 'fd00::5'],
  'shared.example': ['100.64.0.1'],
  'wireserver.example': ['168.63.129.16'],
  'unspecified.example': ['0.0.0.0'],
  '127.0.0.1.nip.example': ['127.0.0.1'],
  'metadata.google.internal': ['169.254.169.254'],
  localhost: ['127.0.0.1', '::1'],
};

const hostileResolve = async (hostname: string): Promise<LookupAddress[]> => {
  const addresses = HOSTILE_NAMES[normalizeHost(hostname)];
  if (!addresses) throw Object.assign(new Error('no such host'), { code: 'ENOTFOUND' });
  return addresses.map((address) => ({ address, family: isIP(address) }));
};

function lookupAll(dialer: Dialer, hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    dialer.lookup(hostname, { all: true }, (error, addresses) =>
      error ? reject(error) : resolve(addresses as LookupAddress[]),
    );
  });
}

/** The addresses that a client would connect to; rejects where the dialer refuses. */
async function reach(dialer: Dialer, spelling: string): Promise<string[]> {
  const url = new URL(spelling);
  dialer.assertAllowed(url);
  const host = normalizeHost(url.hostname);
  if (isIP(host) !== 0) return [host];
  return (await lookupAll(dialer, host)).map(({ address }) => address);
}

const strict = createDialer({ allowedPrivateEndpoints: [], resolve: hostileResolve });

function formsOf(address: string): string[] {
  const octets = address.split('.').map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = (value: number, width = 2) => value.toString(16).padStart(width, '0');
  const words = `${hex(a * 256 + b, 4)}:${hex(c * 256 + d, 4)}`;
  return [
    address,
    `${address}.`,
    `${whole}`,
    `0x${hex(whole, 8)}`,
    `0X${hex(whole, 8).toUpperCase()}`,
    `0${whole.toString(8)}`,
    octets.map((octet) => `0x${hex(octet)}`).join('.'),
    octets.map((octet) => `0${octet.toString(8)}`).join('.'),
    octets.map((octet) => `000${octet.toString(8)}`).join('.'),
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `0x${hex(a)}.${b}.0${c.toString(8)}.${d}`,
    address.replaceAll('.', '。'),
    address.replaceAll('.', '．'),
    address.replaceAll('.', '%2e'),
    address.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
    address.replace(/[1-9]/g, (digit) => String.fromCodePoint(0x2460 + Number(digit) - 1)),
    `[::ffff:${address}]`,
    `[::ffff:${words}]`,
    `[0:0:0:0:0:FFFF:${words}]`,
    `[::${address}]`,
    `[64:ff9b::${words}]`,
    `[64:ff9b:1::${words}]`,
    `[::ffff:0:${words}]`,
    `[2002:${words}::1]`,
    `[2001:0:${words}::1]`,
  ];
}

const INNER_ADDRESSES = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '0.0.0.0',
];

const OTHER_HOSTS = [
  '0',
  '127.1',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[fe80::1]',
  '[fe80::1%25lo]',
  '[fec0::1]',
  '[fd00::1]',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
  '[fc00::1]',
  '[ff02::1]',
  '[100::1]',
  '[5f00::1]',
  '[4000::1]',
  '[2001:db8::1]',
  '[2001:10::1]',
  '255.255.255.255',
  '224.0.0.1',
  '198.18.0.1',
  '192.0.2.1',
  '192.0.0.192',
  '203.0.113.9',
  '240.0.0.1',
  '100.64.0.1',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'metadata.google.internal',
  'metadata.google.internal.',
  'METADATA.google.internal',
  'metadata',
  'printer.local',
  'private.example',
  'private.example.',
  'loopback.example',
  'loopback6.example',
  'metadata.example',
  'mapped.example',
  'nat64.example',
  'sixtofour.example',
  'both.example',
  'both6.example',
  'shared.example',
  'wireserver.example',
  'unspecified.example',
  '127.0.0.1.nip.example',
  'no-such-name.example',
  'user@public.example',
  'user:secret@public.example',
  'public.example@127.0.0.1',
  '127.0.0.1#@public.example',
  '127.0.0.1?@public.example',
  'public.example:80@127.0.0.1',
  'public example',
  'public.example:65536',
  'public.example:-1',
  '127.0\t.0.1',
  'loop\nback.example',
  ...[0, 22, 25, 80, 110, 5432, 6379, 8080, 9000, 9200, 11211, 27017].map((port) => `public.example:${port}`),
  ...[22, 443, 5432].map((port) => `127.0.0.1:${port}`),
];

const OTHER_SCHEMES = [
  'http://public.example/',
  'http://127.0.0.1/',
  'http://[::1]/',
  'ftp://public.example/',
  'ws://public.example/',
  'wss://public.example/',
  'file:///etc/passwd',
  'data:text/plain,x',
  'gopher://public.example:70/',
  'unix:///var/run/docker.sock',
  'http+unix://%2Fvar%2Frun%2Fdocker.sock/',
  'javascript:alert(1)',
  'blob:https://public.example/x',
  'https:127.0.0.1',
  'https:/127.0.0.1',
  'https:\\\\127.0.0.1',
  'https:///127.0.0.1',
];

const REFUSED = [
  ...INNER_ADDRESSES.flatMap(formsOf).map((host) => `https://${host}/`),
  ...OTHER_HOSTS.map((host) => `https://${host}/`),
  ...OTHER_SCHEMES,
];

describe('the guarded dialer', () => {
  it('knows at least 200 spellings of inner addresses', () => {
    expect(new Set(REFUSED).size).toBeGreaterThanOrEqual(200);
  });

  it.each([...new Set(REFUSED)])('refuses %j', async (spelling) => {
    await expect(reach(strict, spelling)).rejects.toThrow();
  });

  it.each([
    ['https://public.example/', [PUBLIC]],
    ['https://dual.example:443/', [PUBLIC_V6, PUBLIC]],
    [`https://${PUBLIC}/`, [PUBLIC]],
    [`https://[${PUBLIC_V6}]/`, [PUBLIC_V6]],
    ['https://public.example\\@127.0.0.1/', [PUBLIC]],
    ['https://public.example/@127.0.0.1', [PUBLIC]],
  ])('reaches %s at %j', async (spelling, addresses) => {
    await expect(reach(strict, spelling)).resolves.toEqual(addresses);
  });

  it('says what is wrong in a StorageError that names no inner address', async () => {
    const error: unknown = await reach(strict, 'https://private.example/').catch((reason: unknown) => reason);
    expect(isStorageError(error, 'endpoint_unreachable')).toBe(true);
    expect(error).toMatchObject({ retryable: false, providerCode: 'ENDPOINT_NOT_ALLOWED' });
    expect(JSON.stringify([error, String(error)])).not.toContain('10.0.0.5');
  });

  it('resolves anew for each connection and checks each answer', async () => {
    const answers = [PUBLIC, '127.0.0.1'];
    const rebinding = createDialer({
      allowedPrivateEndpoints: [],
      resolve: async () => [{ address: answers.shift() ?? '127.0.0.1', family: 4 }],
    });
    await expect(lookupAll(rebinding, 'rebind.example')).resolves.toEqual([{ address: PUBLIC, family: 4 }]);
    await expect(lookupAll(rebinding, 'rebind.example')).rejects.toMatchObject({
      providerCode: 'ENDPOINT_NOT_ALLOWED',
    });
  });

  it('answers one address, or those of one family, when asked so', async () => {
    const single = await new Promise((resolve) =>
      strict.lookup('dual.example', { family: 4 }, (_error, address, family) => resolve([address, family])),
    );
    expect(single).toEqual([PUBLIC, 4]);
    const noSuchFamily = new Promise((resolve, reject) =>
      strict.lookup('public.example', { family: 6, all: true }, (error, list) =>
        error ? reject(error) : resolve(list),
      ),
    );
    await expect(noSuchFamily).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('checks the peer of a connected socket again', () => {
    expect(() => strict.assertPeer?.('public.example', PUBLIC)).not.toThrow();
    expect(() => strict.assertPeer?.('public.example', '10.0.0.5')).toThrow(/not a public address/);
    expect(() => strict.assertPeer?.('public.example', undefined)).toThrow(/not a public address/);
  });
});

describe("the operator's allow-list", () => {
  const dialer = createDialer({
    allowedPrivateEndpoints: ['private.example:9000', 'loopback.example', '192.168.0.0/16', '[fd00::7]:9000'],
    resolve: hostileResolve,
  });

  it.each([
    'http://private.example:9000/',
    'https://private.example:9000/',
    'http://loopback.example/',
    'http://LOOPBACK.example.:12345/',
    'http://192.168.3.4:9000/',
    'https://192.168.3.4/',
    'http://[fd00::7]:9000/',
  ])('lets %s pass', async (spelling) => {
    await expect(reach(dialer, spelling)).resolves.toHaveLength(1);
  });

  it.each([
    'http://private.example/',
    'http://private.example:9001/',
    'https://metadata.example/',
    'https://10.0.0.5/',
    'http://[fd00::7]:9001/',
    'http://[fd00::8]:9000/',
    'http://public.example/',
  ])('still refuses %s', async (spelling) => {
    await expect(reach(dialer, spelling)).rejects.toThrow();
  });

  it('names what lies below a host by a star', async () => {
    const below = createDialer({ allowedPrivateEndpoints: ['*.nip.example:9000'], resolve: hostileResolve });
    await expect(reach(below, 'http://127.0.0.1.nip.example:9000/')).resolves.toEqual(['127.0.0.1']);
    await expect(reach(below, 'http://127.0.0.1.nip.example/')).rejects.toThrow();
    await expect(reach(below, 'http://evil-nip.example:9000/')).rejects.toThrow();
    await expect(reach(below, 'http://nip.example:9000/')).rejects.toThrow();
  });

  it('never opens metadata services, whatever the range', async () => {
    const wide = createDialer({ allowedPrivateEndpoints: ['0.0.0.0/0', '::/0'], resolve: hostileResolve });
    await expect(reach(wide, 'http://169.254.169.254/')).rejects.toThrow(/not a public address/);
    await expect(reach(wide, 'http://[::ffff:169.254.169.254]/')).rejects.toThrow(/not a public address/);
    await expect(reach(wide, 'https://metadata.google.internal/')).rejects.toThrow(/not a public address/);
    await expect(reach(wide, 'https://private.example/')).resolves.toEqual(['10.0.0.5']);
  });

  it.each([
    '',
    ' minio.lan',
    'minio.lan/path',
    'http://minio.lan',
    '*',
    'mini*.lan',
    'user@minio.lan',
    '10.0.0.0/33',
  ])('names the unreadable entry %j', (entry) => {
    expect(() => parseAllowedEndpoints([entry])).toThrow(RangeError);
  });
});

describe('isPublicAddress', () => {
  it.each([PUBLIC, PUBLIC_V6, '8.8.8.8', '2001:4860:4860::8888'])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    '',
    'example.org',
    '127.1',
    '0x7f000001',
    '010.0.0.1',
    'fe80::1%lo',
    '::8.8.8.8',
    '::ffff:8.8.8.8',
  ])('%j is not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
