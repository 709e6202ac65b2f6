import { describe, expect, it } from '@jest/globals';
import { PROVIDER_NAMES } from '../storage-provider.js';
import { PROVIDERS, providerByName, resolveProviderName } from './index.js';

describe('the list of providers', () => {
  it('has every name once', () => {
    expect(PROVIDERS.map(({ name }) => name).sort()).toEqual([...PROVIDER_NAMES].sort());
    for (const name of PROVIDER_NAMES) expect(providerByName(name).name).toBe(name);
  });

  it('knows the short names of the guide, and no member of Object.prototype', () => {
    const names = [
      'aws',
      'gcp',
      'azure',
      'digitalocean',
      'google_gcs',
      'AWS',
      'constructor',
      '__proto__',
      '',
    ];
    expect(names.map(resolveProviderName)).toEqual([
      'aws_s3',
      'google_gcs',
      'azure_blob',
      'digitalocean_spaces',
      'google_gcs',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe.each(PROVIDERS)('$name', (provider) => {
  const names = provider.fields.flatMap(({ name, aliases = [] }) => [name, ...aliases]);

  it('has a bucket, a prefix and no name twice', () => {
    expect(names).toEqual(expect.arrayContaining(['bucket_name', 'bucketName', 'prefix']));
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(provider.fields.map((field) => [field.name, field] as const))(
    'describes %s so that a form can be drawn and a mistake explained',
    (name, field) => {
      expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      expect(field.help).toMatch(/\.$/);
      expect(field.patternHelp).toMatch(/^must /);
      expect(field.pattern.flags).not.toMatch(/[gy]/);
      if (field.defaultValue !== undefined) expect(field.defaultValue).toMatch(field.pattern);
    },
  );

  it('tells how to set it up, what it may do and what it costs', () => {
    expect(provider.guide.setup.length).toBeGreaterThan(40);
    expect(provider.guide.policy).toContain('{bucket}');
    expect(() => new URL(provider.guide.docsUrl)).not.toThrow();
    expect(new Date(provider.price.asOf).getTime()).not.toBeNaN();
    if (provider.guide.policyLanguage === 'json')
      expect(() => void JSON.parse(provider.guide.policy)).not.toThrow();
  });
});
