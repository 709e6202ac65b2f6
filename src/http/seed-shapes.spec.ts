import { describe, expect, it } from '@jest/globals';
import { RequestError } from '../errors/request-errors.js';
import { StorageError, type StorageErrorCode } from '../storage-providers/storage-errors.js';
import { problemOf } from './problem.js';
import { seedMembers } from './seed-shapes.js';

const storageError = (code: StorageErrorCode) =>
  new StorageError(code, 'It failed.', { operation: 'put', hint: 'Mend it.', retryable: false });

function membersOf(method: string, path: string, error: Error): unknown {
  return seedMembers(method, path, problemOf(error, { path, requestId: 'r' }).body);
}

describe('the members that clients of the seeds read', () => {
  it('are the settings API’s on /api/v1/settings', () => {
    expect(
      membersOf('POST', '/api/v1/settings/cloud-storage/test', storageError('invalid_credentials')),
    ).toEqual({
      success: false,
      message: 'Connection failed',
      error: 'Invalid credentials',
      details: 'It failed.',
    });
    expect(
      membersOf('PUT', '/api/v1/settings/cloud-storage', storageError('bucket_not_found')),
    ).toMatchObject({
      message: 'Settings not changed',
      error: 'Bucket not found',
    });
    expect(membersOf('GET', '/api/v1/settings/sync', new Error())).toMatchObject({
      message: 'Settings not available',
    });
  });

  it.each([
    ['/api/cloud/configure', storageError('invalid_credentials'), 'Invalid credentials'],
    ['/api/cloud/configure', storageError('bucket_not_found'), 'Bucket not found'],
    ['/api/cloud/configure', new Error('x'), 'Failed to save configuration'],
    ['/api/cloud/upload', storageError('provider_error'), 'Upload failed'],
    ['/api/cloud/upload', new Error('x'), 'Upload failed'],
    ['/api/cloud/files', new Error('x'), 'Internal error'],
  ])('are the phrases of the implementation guide on %s', (path, error, phrase) => {
    expect(membersOf('POST', path, error)).toEqual({ message: phrase, error: phrase });
  });

  it('are none elsewhere', () => {
    expect(membersOf('GET', '/api/v1/files', new RequestError('not_found', 'x'))).toBeUndefined();
  });
});
