import { describe, expect, it } from '@jest/globals';
import { formBoundary, isMultipartForm } from './form-boundary.js';

describe('formBoundary', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=utf-8; Boundary="a b(c)"', 'a b(c)'],
    [
      'multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW',
      '----WebKitFormBoundary7MA4YWxkTrZu0gW',
    ],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
  ])('reads %s', (contentType, expected) => {
    expect(formBoundary(contentType)).toBe(expected);
  });

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
    `multipart/form-data; boundary=${'x'.repeat(5000)}`,
    'multipart/form-data; boundary="ä"',
    'multipart/form-data; xboundary=abc',
  ])('refuses %.60s', (contentType) => {
    expect(() => formBoundary(contentType)).toThrow(expect.objectContaining({ code: 'invalid_form' }));
  });

  it.each([
    undefined,
    '',
    'application/json',
    'multipart/mixed; boundary=a',
    'multipart/form-database; boundary=a',
  ])('refuses the type %s', (contentType) => {
    expect(isMultipartForm(contentType)).toBe(false);
    expect(() => formBoundary(contentType)).toThrow(
      expect.objectContaining({ code: 'unsupported_media_type' }),
    );
  });
});
