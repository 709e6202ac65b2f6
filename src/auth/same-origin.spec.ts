import { describe, expect, it } from '@jest/globals';
import { isFromOtherSite, isFromOwnPage, type OriginHeaders } from './same-origin.js';

const PUBLIC_URL = 'https://files.example.org/stowage';

describe('where a browser says that a request comes from', () => {
  it.each<[string, OriginHeaders, string | undefined]>([
    ['by Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin', host: 'h' }, undefined],
    [
      'by an Origin that is this host',
      { origin: 'http://127.0.0.1:8080', host: '127.0.0.1:8080' },
      undefined,
    ],
    [
      'by an Origin that is PUBLIC_URL',
      { origin: 'https://files.example.org', host: '10.0.0.5:8080' },
      PUBLIC_URL,
    ],
    ['with its default port', { origin: 'https://files.example.org:443', host: 'x' }, PUBLIC_URL],
    ['with a host in capitals', { origin: 'http://Example.org', host: 'EXAMPLE.org' }, undefined],
  ])('is our own page %s', (_, headers, publicUrl) => {
    expect(isFromOwnPage(headers, publicUrl)).toBe(true);
    expect(isFromOtherSite(headers, publicUrl)).toBe(false);
  });

  it.each<[string, OriginHeaders]>([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://files.example.org', host: 'x' }],
    [
      'another host of this site',
      { 'sec-fetch-site': 'same-site', origin: 'https://www.example.org', host: 'x' },
    ],
    ['nobody in particular', { 'sec-fetch-site': 'none', host: 'x' }],
    ['another Origin', { origin: 'https://evil.example', host: 'files.example.org' }],
    ['our host with another port', { origin: 'https://files.example.org:444', host: 'files.example.org' }],
    ['our name with another scheme', { origin: 'http://files.example.org', host: 'x' }],
    ['an Origin that only begins like ours', { origin: 'https://files.example.org.evil.example', host: 'x' }],
    ['a sandboxed frame', { origin: 'null', host: 'null' }],
    ['an Origin that is no URL', { origin: 'files.example.org', host: 'files.example.org' }],
    ['two verdicts', { 'sec-fetch-site': ['same-origin', 'same-origin'], host: 'x' }],
  ])('is another site for %s', (_, headers) => {
    expect(isFromOwnPage(headers, PUBLIC_URL)).toBe(false);
    expect(isFromOtherSite(headers, PUBLIC_URL)).toBe(true);
  });

  it('is neither for a program, which says nothing', () => {
    expect(isFromOwnPage({ host: 'files.example.org' }, PUBLIC_URL)).toBe(false);
    expect(isFromOtherSite({ host: 'files.example.org' }, PUBLIC_URL)).toBe(false);
  });
});
