import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { errorsMarkdown } from '../../src/http/openapi/error-pages.js';
import { PROBLEMS } from '../../src/http/problem-catalogue.js';
import { REPOSITORY_ERROR_CODES } from '../../src/snapshot-engine/index.js';
import { STORAGE_ERROR_CODES } from '../../src/storage-providers/storage-errors.js';
import { ROOT, sourceFiles } from './source-files.js';

describe('error codes', () => {
  it('each have a status and a documentation, whichever feature they come from', () => {
    const declared = new Set<string>([
      ...STORAGE_ERROR_CODES,
      ...REPOSITORY_ERROR_CODES,
      ...sourceFiles('src').flatMap(({ text }) => codesIn(text)),
    ]);
    expect(declared.size).toBeGreaterThan(STORAGE_ERROR_CODES.length);
    expect([...declared].filter((code) => !Object.hasOwn(PROBLEMS, code))).toEqual([]);
    expect(Object.keys(PROBLEMS).filter((code) => !declared.has(code))).toEqual([]);
  });

  it('are the ones that docs/errors.md explains', () => {
    expect(readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')).toBe(errorsMarkdown());
  });

  it('say what happened and what to do in whole sentences', () => {
    const sentence = /^[A-Z`].*[.]$/s;
    const wrong = Object.entries(PROBLEMS).filter(
      ([, { meaning, action }]) => !sentence.test(meaning) || !sentence.test(action),
    );
    expect(wrong).toEqual([]);
  });
});

/** The members of every union that is called `…ErrorCode`. */
function codesIn(text: string): string[] {
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest);
  return source.statements
    .filter(ts.isTypeAliasDeclaration)
    .filter(({ name }) => /(?:ErrorCode|Rejection)$/.test(name.text))
    .flatMap(({ type }) => (ts.isUnionTypeNode(type) ? [...type.types] : [type]))
    .filter(ts.isLiteralTypeNode)
    .map(({ literal }) => literal)
    .filter(ts.isStringLiteral)
    .map(({ text: code }) => code);
}
