import { describe, expect, it } from '@jest/globals';
import { ProviderRegistry } from './provider-registry.js';
import { PROVIDERS } from './providers/index.js';
import { PROVIDER_NAMES } from './storage-provider.js';

describe('the providers', () => {
  const registry = new ProviderRegistry(PROVIDERS);

  it('are found by their names, each of which is there once', () => {
    expect(PROVIDERS.map(({ name }) => name).sort()).toEqual([...PROVIDER_NAMES].sort());
    for (const name of PROVIDER_NAMES) expect(registry.byName(name).name).toBe(name);
  });

  it.each([
    ['aws', 'aws_s3'],
    ['gcp', 'google_gcs'],
    ['azure', 'azure_blob'],
    ['digitalocean', 'digitalocean_spaces'],
    ['google_gcs', 'google_gcs'],
    ['AWS', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['', undefined],
  ])('%p means %p', (name, meant) => {
    expect(registry.find(name)?.name).toBe(meant);
  });
});
