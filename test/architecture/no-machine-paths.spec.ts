import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from './source-files.js';

/** Homes and work folders of whoever wrote the code; put together so that this file does not match itself. */
const MACHINE_PATH = new RegExp(
  `(?<![\\w.:/-])/(?:${['root', 'work', 'home/[a-z]+', 'Users/\\w+'].join('|')})/`,
);

describe('the repository', () => {
  it('names no path of the machine it was written on', () => {
    const files = execFileSync('git', ['ls-files', '-z'], {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    })
      .split('\0')
      .filter((path) => path !== '' && path !== 'package-lock.json');
    expect(files.length).toBeGreaterThan(100);
    const found = files.flatMap((path) =>
      readIfPresent(path)
        .split('\n')
        .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
        .filter(({ line }) => MACHINE_PATH.test(line))
        .map(({ line, at }) => `${at} ${line.trim().slice(0, 120)}`),
    );
    expect(found).toEqual([]);
  });
});

/** A file that was deleted and not committed yet is still listed. */
function readIfPresent(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'latin1');
  } catch {
    return '';
  }
}
