import { describe, expect, it } from '@jest/globals';
import { PROVIDERS } from './index.js';

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
    const origins = ['https://a.example', 'https://b.example'];
    for (const origin of origins) expect(provider.guide.cors.rules(origins)).toContain(origin);
    if (provider.guide.cors.rulesLanguage === 'json')
      expect(() => void JSON.parse(provider.guide.cors.rules(origins))).not.toThrow();
    if (provider.guide.policyLanguage === 'json')
      expect(() => void JSON.parse(provider.guide.policy)).not.toThrow();
  });
});
