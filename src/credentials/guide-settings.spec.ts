import { describe, expect, it } from '@jest/globals';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import { PROVIDERS } from '../storage-providers/providers/index.js';
import { fromGuide as read } from './guide-settings.js';

const registry = new ProviderRegistry(PROVIDERS);
const fromGuide = (body: Record<string, unknown>) => read(body, registry);

/** What the guide's form sends whichever provider was chosen. */
const FORM = { accessKey: 'id', secretKey: 'secret', region: 'us-west-2', bucketName: 'my-bucket' };

describe('settings from the implementation guide', () => {
  it('pass as they are when the provider knows them', () => {
    expect(fromGuide({ provider: 'aws', ...FORM })).toEqual({ provider: 'aws', ...FORM });
  });

  it('lose what the provider has no use for', () => {
    const json = { serviceAccountJSON: '{}' };
    expect(fromGuide({ provider: 'gcp', ...FORM, ...json })).toEqual({
      provider: 'gcp',
      region: 'us-west-2',
      bucketName: 'my-bucket',
      ...json,
    });
    expect(fromGuide({ provider: 'local_disk', ...FORM })).toEqual({
      provider: 'local_disk',
      bucketName: 'my-bucket',
    });
  });

  it('lose what was left empty: an empty secret of the form means that it was not filled in', () => {
    const body = { provider: 'aws', accessKey: '', secretKey: '', region: '', bucketName: 'my-bucket' };
    expect(fromGuide(body)).toEqual({ provider: 'aws', bucketName: 'my-bucket' });
  });

  it('keep everything else for validation to find', () => {
    const odd = { provider: 'gcp', surprise: 1, bucketName: '', accessKey: 'id' };
    expect(fromGuide(odd)).toEqual({ provider: 'gcp', surprise: 1, bucketName: '' });
    expect(fromGuide({ provider: 'nobody', ...FORM })).toEqual({ provider: 'nobody', ...FORM });
    expect(fromGuide({ provider: ['aws'], region: '' })).toEqual({ provider: ['aws'], region: '' });
  });
});
