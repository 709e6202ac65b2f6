import { describe, expect, it } from '@jest/globals';
import { proxyFor, proxyName, readProxies } from './proxies.js';

describe('the proxies of a host', () => {
  const BOTH = { http_proxy: 'http://plain:3128', HTTPS_PROXY: 'http://ada:secret@secure.example:3128' };
  const via = (url: string, variables: Record<string, string> = BOTH) =>
    proxyFor(new URL(url), readProxies(variables))?.host;

  it('are for their scheme each', () => {
    expect([via('https://a.example'), via('http://a.example')]).toEqual([
      'secure.example:3128',
      'plain:3128',
    ]);
    expect(via('https://a.example', { http_proxy: 'http://plain:3128' })).toBeUndefined();
    expect(via('https://a.example', {})).toBeUndefined();
  });

  it('are taken in small letters first, and without a scheme', () => {
    const variables = { https_proxy: 'small.example:1', HTTPS_PROXY: 'http://large.example:2' };
    expect(via('https://a.example', variables)).toBe('small.example:1');
    expect(via('https://a.example', { ...variables, https_proxy: '' })).toBeUndefined();
  });

  it.each(['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:80'])('are never for %s', (url) => {
    expect(via(url)).toBeUndefined();
  });

  it.each<[string, string, boolean]>([
    ['*', 'https://a.example', true],
    ['a.example', 'https://a.example', true],
    ['.example', 'https://a.example', true],
    ['*.example', 'https://b.a.example:8443', true],
    ['other, A.example', 'https://b.a.example', true],
    ['a.example:443', 'https://a.example', true],
    ['a.example:8443', 'https://a.example', false],
    ['ample', 'https://a.example', false],
    ['10.0.0.7', 'https://10.0.0.7', true],
    ['', 'https://a.example', false],
  ])('spare by no_proxy=%s %s: %s', (no_proxy, url, isSpared) => {
    expect(via(url, { ...BOTH, no_proxy }) === undefined).toBe(isSpared);
  });

  it('are refused when they are none, without repeating what may be a password', () => {
    for (const https_proxy of ['socks5://ada:secret@x', 'http://', 'http://ada:secret@:x'])
      expect(() => readProxies({ https_proxy })).toThrow(
        /^https_proxy is no address of a proxy; it looks like/,
      );
  });

  it('are named without their password', () => {
    expect(proxyName(new URL(BOTH.HTTPS_PROXY))).toBe('http://secure.example:3128');
  });
});
