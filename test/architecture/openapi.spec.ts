import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { VERSION } from '../../src/config/version.js';
import { TAGS } from '../../src/http/openapi/finish-document.js';
import { ROOT } from './source-files.js';

const BUILD_DEADLINE_MS = 180_000;

interface Operation {
  readonly name: string;
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, { $ref?: string; description?: string; content?: object }>>;
}

const text = readFileSync(join(ROOT, 'openapi.json'), 'utf8');
const document = JSON.parse(text);
const operations: Operation[] = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item as object).map(([method, operation]) => ({ ...operation, name: `${method} ${path}` })),
);
const without = (holds: (operation: Operation) => unknown): string[] =>
  operations.filter((operation) => !holds(operation)).map(({ name }) => name);

describe('openapi.json', () => {
  beforeAll(buildWhenOutdated, BUILD_DEADLINE_MS);

  it('is what the code says', () => {
    const check = ['dist/src/write-openapi.js', '--check'];
    expect(() => execFileSync(process.execPath, check, { cwd: ROOT, stdio: 'pipe' })).not.toThrow();
  });

  it('is OpenAPI 3.1.1 with a licence, a server and the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(document).toMatchObject({ openapi: '3.1.1', info: { license: { name: 'Apache-2.0' }, version } });
    expect(VERSION).toBe(version);
    expect(document.servers).not.toHaveLength(0);
  });

  it('names each operation once, in camelCase', () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(without(({ operationId }) => /^[a-z][a-zA-Z0-9]*$/.test(operationId ?? ''))).toEqual([]);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('gives each operation a summary, a tag that is explained, and says who may call it', () => {
    expect(without(({ summary }) => summary)).toEqual([]);
    expect(without(({ tags }) => tags?.length && tags.every((tag) => TAGS[tag]))).toEqual([]);
    expect(without(({ security }) => security)).toEqual([]);
  });

  it('documents a success and its problems as problem+json', () => {
    expect(without(({ responses }) => Object.keys(responses).some((status) => /^[23]/.test(status)))).toEqual(
      [],
    );
    expect(without(({ responses }) => Object.keys(responses).some((status) => /^[45]/.test(status)))).toEqual(
      [],
    );
    const plain = without(({ responses }) =>
      Object.entries(responses)
        .filter(([status, { $ref }]) => status.startsWith('4') && $ref === undefined)
        .every(([, { content }]) => content && 'application/problem+json' in content),
    );
    expect(plain).toEqual([]);
  });

  it('describes every answer', () => {
    expect(
      without(({ responses }) => Object.values(responses).every((r) => r.$ref ?? r.description)),
    ).toEqual([]);
  });

  it('has no reference that leads nowhere and no component that nobody uses', () => {
    const references = new Set(
      [...text.matchAll(/"\$ref": "#\/components\/(\w+)\/(\w+)"/g)].map(
        ([, kind, name]) => `${kind}/${name}`,
      ),
    );
    const components = Object.entries(document.components as Record<string, object>)
      .filter(([kind]) => kind !== 'securitySchemes')
      .flatMap(([kind, members]) => Object.keys(members).map((name) => `${kind}/${name}`));
    expect([...references].filter((name) => !components.includes(name))).toEqual([]);
    expect(components.filter((name) => !references.has(name))).toEqual([]);
  });
});

/** The document comes from what nest build makes, whose plugin reads types and comments; a test sees neither. */
function buildWhenOutdated(): void {
  const built = statSync(join(ROOT, 'dist/src/main.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newest = Math.max(...['src', 'ormconfig.ts'].map((path) => newestIn(join(ROOT, path))));
  if (newest <= built) return;
  execFileSync(join(ROOT, 'node_modules/.bin/nest'), ['build', '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    stdio: 'pipe',
  });
}

function newestIn(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestIn(join(path, name))));
}
