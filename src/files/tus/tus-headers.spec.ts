import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { bodyDigestOf } from './tus-checksum.js';
import {
  announcedLengthOf,
  assertTusBody,
  assertTusVersion,
  TUS_CONTENT_TYPE,
  uploadOffsetOf,
} from './tus-headers.js';

const badRequest = expect.objectContaining({ code: 'bad_request' });

describe('the headers of tus', () => {
  it('name the version 1.0.0 and no other', () => {
    expect(() => assertTusVersion({ 'tus-resumable': '1.0.0' })).not.toThrow();
    for (const version of [undefined, '0.2.2', '1.0.0, 1.0.0']) {
      expect(() => assertTusVersion({ 'tus-resumable': version })).toThrow(
        expect.objectContaining({ code: 'unsupported_tus_version' }),
      );
    }
  });

  it.each(['', '-1', '+5', '1e3', '0x10', '5, 5', '1.0', '9'.repeat(16), ' 5'])(
    'refuse the offset %j',
    (value) => {
      expect(() => uploadOffsetOf({ 'upload-offset': value })).toThrow(badRequest);
    },
  );

  it('tell the offset exactly', () => {
    expect(uploadOffsetOf({ 'upload-offset': '0' })).toBe(0);
    expect(uploadOffsetOf({ 'upload-offset': '999999999999999' })).toBe(999_999_999_999_999);
    expect(() => uploadOffsetOf({})).toThrow(badRequest);
  });

  it('tell the length or promise it, one of both', () => {
    expect(announcedLengthOf({ 'upload-length': '0' })).toBe(0);
    expect(announcedLengthOf({ 'upload-defer-length': '1' })).toBeUndefined();
    for (const headers of [
      {},
      { 'upload-length': '1', 'upload-defer-length': '1' },
      { 'upload-defer-length': '2' },
    ]) {
      expect(() => announcedLengthOf(headers)).toThrow(badRequest);
    }
  });

  it('announce the one type of body', () => {
    expect(() => assertTusBody({ 'content-type': TUS_CONTENT_TYPE })).not.toThrow();
    for (const headers of [
      {},
      { 'content-type': 'application/octet-stream' },
      { 'content-type': TUS_CONTENT_TYPE, 'content-encoding': 'gzip' },
    ]) {
      expect(() => assertTusBody(headers)).toThrow(
        expect.objectContaining({ code: 'unsupported_media_type' }),
      );
    }
  });
});

describe('Upload-Checksum', () => {
  const content = Buffer.from('hello world');

  it.each([
    ['sha256', createHash('sha256').update(content).digest('base64')],
    ['sha1', 'Kq5sNclPz7QV2+lfQIuc6R7oRu0='],
    ['md5', createHash('md5').update(content).digest('base64')],
    // 0x0d4a1185, from the catalogue of CRC algorithms.
    ['crc32', 'DUoRhQ=='],
  ])('of %s fits the content that it was made of, and no other', (algorithm, value) => {
    const [same, other] = [bodyDigestOf(`${algorithm} ${value}`)!, bodyDigestOf(`${algorithm} ${value}`)!];
    same.update(content.subarray(0, 4));
    same.update(content.subarray(4));
    other.update(content.subarray(1));
    expect([same.fits(), other.fits()]).toEqual([true, false]);
  });

  it.each(['sha1', 'sha1 AAAA', 'sha512 AAAA', 'SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=', '', 'toString AAAA'])(
    'cannot be %j',
    (text) => {
      expect(() => bodyDigestOf(text)).toThrow(badRequest);
    },
  );

  it('may be absent', () => {
    expect(bodyDigestOf(undefined)).toBeUndefined();
  });
});
