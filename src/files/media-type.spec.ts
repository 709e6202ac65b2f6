import { describe, expect, it } from '@jest/globals';
import { cleanMediaType, isShown, OCTET_STREAM, servedMediaType } from './media-type.js';

describe('cleanMediaType', () => {
  it.each([
    'image/png',
    'text/plain; charset=utf-8',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'text/html',
    'multipart/mixed; boundary="a b"',
  ])('keeps %s', (type) => {
    expect(cleanMediaType(` ${type} `)).toBe(type);
  });

  it.each([
    undefined,
    '',
    'nonsense',
    'text/',
    'text/plain\r\nX-Injected: 1',
    'text/plain; a',
    'text/plain; a="\u0000"',
    'text/plain, text/html',
    'ä/ö',
    `text/${'x'.repeat(251)}`,
  ])('replaces %j', (type) => {
    expect(cleanMediaType(type)).toBe(OCTET_STREAM);
  });
});

describe('servedMediaType', () => {
  it.each([
    'text/html',
    'TEXT/HTML; charset=utf-8',
    'application/xhtml+xml',
    'image/svg+xml',
    'text/xml',
    'application/xml',
    'application/rss+xml',
    'text/xsl',
    'application/xslt+xml',
    'text/javascript',
    'application/javascript',
    'application/x-javascript',
    'application/ecmascript',
    'text/jscript',
    'text/livescript',
    'text/javascript1.5',
    'application/pdf',
    'application/mathml+xml',
    'application/x-shockwave-flash',
    'multipart/x-mixed-replace; boundary=a',
    'message/rfc822',
    'text/cache-manifest',
  ])('does not serve %s', (type) => {
    expect(servedMediaType(type)).toBe(OCTET_STREAM);
  });

  it.each([
    'image/png',
    'text/plain; charset=utf-8',
    'text/csv',
    'video/mp4',
    'application/json',
    'application/zip',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  ])('serves %s', (type) => {
    expect(servedMediaType(type)).toBe(type);
  });
});

describe('isShown', () => {
  it.each([
    'image/png',
    'IMAGE/JPEG',
    'video/mp4',
    'audio/x-flac',
    'text/plain; charset=utf-8',
    'application/json',
  ])('lets browsers show %s', (type) => {
    expect(isShown(type)).toBe(true);
  });

  it.each([
    OCTET_STREAM,
    'text/html',
    'image/svg+xml',
    'image/svg',
    'video/svg+xml',
    'application/pdf',
    'text/xml',
    'text/css',
    'text/javascript',
    'image/x-unheard-of',
    'application/vnd.unheard-of+json',
    'multipart/mixed',
    'nonsense',
    '',
  ])('lets browsers only save %j', (type) => {
    expect(isShown(type)).toBe(false);
  });
});
