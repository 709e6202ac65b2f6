import { describe, expect, it } from '@jest/globals';
import { HttpException, NotFoundException } from '@nestjs/common';
import { CredentialsError } from '../credentials/credentials-error.js';
import { RequestError, validationFailed } from '../errors/request-errors.js';
import { StowageError } from '../errors/stowage-error.js';
import { StorageError } from '../storage-providers/storage-errors.js';
import { isUnforeseen, problemOf } from './problem.js';

const request = { path: '/api/v1/files/9', requestId: 'request-1' };

describe('the problem of an error', () => {
  it('has every member of RFC 9457 and ours', () => {
    const { headers, body } = problemOf(new RequestError('not_found', 'There is no such file.'), request);
    expect(body).toEqual({
      type: '/docs/errors#not_found',
      title: 'Not found',
      status: 404,
      detail: 'There is no such file.',
      instance: '/api/v1/files/9',
      code: 'not_found',
      request_id: 'request-1',
      retryable: false,
    });
    expect(headers).toEqual({
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
    });
  });

  it('names all wrong fields', () => {
    const errors = [
      { pointer: '/a', detail: 'must be a string', code: 'is_string' },
      { pointer: '/b/0', detail: 'is not a known field', code: 'whitelist_validation' },
    ];
    const { body } = problemOf(validationFailed(errors), request);
    expect(body).toMatchObject({ status: 400, code: 'validation_failed', errors });
    expect(body.detail).toContain('/a: must be a string');
  });

  it('says what the provider said, and how to repair it', () => {
    const error = new StorageError('access_denied', 'The key may not write.', {
      operation: 'put',
      permission: 's3:PutObject',
      hint: 'Grant s3:PutObject on arn:aws:s3:::b/*',
      retryable: false,
      providerCode: 'AccessDenied',
      requestId: 'ABC',
      httpStatus: 403,
      cause: new Error('secret'),
    });
    const { body } = problemOf(error, request);
    expect(body).toMatchObject({
      status: 400,
      code: 'access_denied',
      hint: 'Grant s3:PutObject on arn:aws:s3:::b/*',
      provider: {
        operation: 'put',
        permission: 's3:PutObject',
        provider_code: 'AccessDenied',
        request_id: 'ABC',
      },
    });
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it.each([
    [60_000, '60'],
    [1, '1'],
    [1_001, '2'],
  ])('tells a wait of %d ms as %s whole seconds', (retryAfterMs, seconds) => {
    const error = new CredentialsError('sealed', 'Sealed.', { retryable: true, retryAfterMs });
    const { headers, body } = problemOf(error, request);
    expect(headers['retry-after']).toBe(seconds);
    expect(body).toMatchObject({ status: 503, retryable: true });
  });

  it('asks for a key with 401', () => {
    const error = new (class extends StowageError {})('unauthenticated', 'No key.');
    expect(problemOf(error, request).headers['www-authenticate']).toBe('Bearer realm="stowage"');
  });

  it.each([
    [new NotFoundException('Cannot GET /secret'), 404, 'not_found'],
    [new HttpException('secret', 415), 415, 'unsupported_media_type'],
    [new HttpException('secret', 418), 400, 'bad_request'],
    [Object.assign(new Error('secret'), { statusCode: 413 }), 413, 'payload_too_large'],
    [Object.assign(new Error('secret'), { statusCode: 599 }), 500, 'internal_error'],
    [new Error('secret'), 500, 'internal_error'],
    ['secret', 500, 'internal_error'],
    [null, 500, 'internal_error'],
    [undefined, 500, 'internal_error'],
  ])('does not repeat what others wrote: %s', (error, status, code) => {
    const { body } = problemOf(error, request);
    expect(body).toMatchObject({ status, code });
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('is a wait when the database is away, also through TypeORM', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const queryFailed = Object.assign(new Error('failed'), { driverError: refused });
    for (const error of [refused, queryFailed]) {
      const { headers, body } = problemOf(error, request);
      expect(body).toMatchObject({ status: 503, code: 'service_unavailable', retryable: true });
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }
  });

  it('is a wait when the database took too long, also through TypeORM', () => {
    const cancelled = Object.assign(new Error('canceling statement due to statement timeout'), {
      code: '57014',
    });
    for (const error of [cancelled, Object.assign(new Error('failed'), { driverError: cancelled })]) {
      const { body } = problemOf(error, request);
      expect(body).toMatchObject({ status: 503, code: 'service_unavailable', retryable: true });
      expect(body.detail).toContain('took too long');
    }
  });

  it('is unforeseen only when nobody gave it a code', () => {
    expect(isUnforeseen(new TypeError('x is undefined'))).toBe(true);
    expect(isUnforeseen(new (class extends StowageError {})('code_of_nobody', 'x'))).toBe(true);
    expect(isUnforeseen(new RequestError('not_found', 'x'))).toBe(false);
    expect(isUnforeseen(new NotFoundException())).toBe(false);
  });
});
