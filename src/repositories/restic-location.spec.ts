import { describe, expect, it } from '@jest/globals';
import { resticLocation } from './restic-location.js';

describe('the location of a repository for restic', () => {
  it.each([
    [
      's3://bucket/stowage/r/1',
      'https://s3.us-west-2.amazonaws.com',
      's3:https://s3.us-west-2.amazonaws.com/bucket/stowage/r/1',
    ],
    ['s3://bucket/r/1', 'http://127.0.0.1:9000/base/', 's3:http://127.0.0.1:9000/base/bucket/r/1'],
    ['gs://bucket/stowage/r/1', 'https://storage.googleapis.com', 'gs:bucket:/stowage/r/1'],
    ['azure://account/container/r/1', 'https://account.blob.core.windows.net', 'azure:container:/r/1'],
  ])('of %s', (url, endpoint, location) => {
    expect(resticLocation({ url, endpoint: new URL(endpoint) }).location).toBe(location);
  });

  it('of a local disk is a folder', () => {
    const input = {
      url: 'local://bucket/stowage/r/1',
      endpoint: undefined,
      folder: '/data/buckets/7/bucket',
    };
    expect(resticLocation(input)).toEqual({
      location: '/data/buckets/7/bucket/stowage/r/1',
      environment: {},
    });
  });

  it('tells no secret, only where it belongs', () => {
    const { environment } = resticLocation({
      url: 'azure://account/container/r/1',
      endpoint: new URL('https://account.blob.core.windows.net'),
    });
    expect(environment).toMatchObject({ AZURE_ACCOUNT_NAME: 'account' });
  });

  it('is refused for a storage that restic does not know', () => {
    expect(() => resticLocation({ url: 'ftp://x/y' })).toThrow(TypeError);
  });
});
