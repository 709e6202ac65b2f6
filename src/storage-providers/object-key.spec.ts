import { describe, expect, it } from '@jest/globals';
import { MAX_OBJECT_KEY_BYTES, assertObjectKey } from './object-key.js';
import { isStorageError } from './storage-errors.js';

describe('assertObjectKey', () => {
  it.each([
    'a',
    'stowage/f/12/abc.bin',
    'with space/+plus/100%/~tilde',
    "quote'(paren)!*",
    'ünïcode/日本語/👩‍👩‍👧',
    '.hidden',
    '..two-dots-and-more',
    'a.b/c..d/...',
    'trailing dot. /x ',
    '%2e%2e/%2f',
    'CON',
  ])('accepts %j', (key) => {
    expect(() => assertObjectKey(key)).not.toThrow();
  });

  it.each([
    ['', /empty/],
    ['/absolute', /segment/],
    ['a//b', /segment/],
    ['folder/', /segment/],
    ['.', /segment/],
    ['..', /segment/],
    ['a/./b', /segment/],
    ['a/../b', /segment/],
    ['a/..', /segment/],
    ['a\u0000b', /control/],
    ['line\nbreak', /control/],
    ['carriage\rreturn', /control/],
    ['tab\t', /control/],
    ['del\u007f', /control/],
    ['next\u0085line', /control/],
    ['sep\u2028', /control/],
    ['a\\..\\b', /backslash/],
    ['lone\ud800surrogate', /Unicode/],
  ])('refuses %j', (key, reason) => {
    let thrown: unknown;
    try {
      assertObjectKey(key, 'get');
    } catch (error) {
      thrown = error;
    }
    expect(isStorageError(thrown, 'provider_error')).toBe(true);
    expect(thrown).toMatchObject({ operation: 'get', retryable: false, providerCode: 'INVALID_OBJECT_KEY' });
    expect((thrown as Error).message).toMatch(reason);
  });

  it('counts bytes of UTF-8, not characters', () => {
    expect(() => assertObjectKey('x'.repeat(MAX_OBJECT_KEY_BYTES))).not.toThrow();
    expect(() => assertObjectKey('x'.repeat(MAX_OBJECT_KEY_BYTES + 1))).toThrow(/too long/);
    expect(() => assertObjectKey('é'.repeat(MAX_OBJECT_KEY_BYTES / 2))).not.toThrow();
    expect(() => assertObjectKey('é'.repeat(MAX_OBJECT_KEY_BYTES / 2) + 'x')).toThrow(/too long/);
  });
});
