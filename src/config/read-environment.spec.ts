import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigurationError, readEnvironment } from './read-environment.js';

function problemsOf(variables: Record<string, string>): readonly string[] {
  try {
    readEnvironment(variables);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).problems;
  }
}

describe('the environment', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'stowage-environment-'));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('needs no variable', () => {
    expect(readEnvironment({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 8080,
      CORS_ORIGINS: [],
      METRICS_PUBLIC: false,
    });
  });

  it('takes an empty value for an absent one', () => {
    expect(readEnvironment({ PORT: '', PUBLIC_URL: '' })).toMatchObject({
      PORT: 8080,
      PUBLIC_URL: undefined,
    });
  });

  it('reads numbers, switches and lists', () => {
    const read = readEnvironment({
      PORT: ' 9000 ',
      METRICS_PUBLIC: 'yes',
      CORS_ORIGINS: 'https://a.example, http://b.example:3000,',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    });
    expect(read).toMatchObject({
      PORT: 9000,
      METRICS_PUBLIC: true,
      CORS_ORIGINS: ['https://a.example', 'http://b.example:3000'],
      TRUSTED_PROXIES: ['10.0.0.0/8', '::1'],
    });
  });

  it('names every problem at once, one a line', () => {
    const problems = problemsOf({
      PORT: '99999',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://x',
      METRICS_PUBLIC: 'maybe',
    });
    expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([
      'DATABASE_URL',
      'LOG_LEVEL',
      'METRICS_PUBLIC',
      'PORT',
    ]);
    expect(new ConfigurationError(problems).message.split('\n')).toHaveLength(5);
  });

  it.each<[string, string]>([
    ['PORT', '80a'],
    ['PORT', '1e3'],
    ['DATABASE_POOL_SIZE', '1'],
    ['ENCRYPTION_KEY', 'too short'],
    ['STOWAGE_ADMIN_KEY', 'stw_user_000000000000000000000000000000000000'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://app.example/path'],
    ['PUBLIC_URL', 'stowage.example.org'],
    ['TRUSTED_PROXIES', '999.1.1.1'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '::1/129'],
    ['TRUSTED_PROXIES', 'proxy.example.org'],
    ['RATE_LIMIT_PER_KEY', '0'],
  ])('refuses %s=%s and does not repeat a secret', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toContain(name);
    if (name.endsWith('KEY')) expect(problems.join()).not.toContain(value);
  });

  it('reads a value from the file that NAME_FILE names', () => {
    const file = join(folder, 'key');
    writeFileSync(file, `${'ab'.repeat(32)}\n`);
    expect(readEnvironment({ ENCRYPTION_KEY_FILE: file }).ENCRYPTION_KEY).toBe('ab'.repeat(32));
  });

  it('refuses a file that is not there, and a value that is given twice', () => {
    expect(problemsOf({ ENCRYPTION_KEY_FILE: join(folder, 'nothing') })).toEqual([
      expect.stringMatching(/^ENCRYPTION_KEY_FILE: .*nothing cannot be read \(ENOENT\)$/),
    ]);
    expect(problemsOf({ PORT: '1', PORT_FILE: '/dev/null' })).toContain(
      'PORT and PORT_FILE are both set; keep one',
    );
  });

  it('refuses what contradicts itself', () => {
    expect(problemsOf({ GCS_ENDPOINT: 'http://127.0.0.1:1' })).toHaveLength(1);
    expect(problemsOf({ GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES: '1' })).toHaveLength(1);
  });
});
