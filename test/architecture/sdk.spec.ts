import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from './source-files.js';

describe('sdk/generated', () => {
  it('is what openapi.json generates', () => {
    const output = mkdtempSync(join(tmpdir(), 'stowage-sdk-'));
    try {
      execFileSync(
        join(ROOT, 'node_modules/.bin/openapi-ts'),
        ['-f', 'sdk/openapi-ts.config.mjs', '--no-log-file'],
        {
          cwd: ROOT,
          env: { PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`, STOWAGE_SDK_OUTPUT: output },
          stdio: 'pipe',
        },
      );
      expect(contentsOf(join(ROOT, 'sdk/generated'))).toEqual(contentsOf(output));
    } finally {
      rmSync(output, { recursive: true });
    }
  });
});

function contentsOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.length).toBeGreaterThan(5);
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length), readFileSync(path, 'utf8')];
    }),
  );
}
