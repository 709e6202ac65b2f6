import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Environment } from '../../src/config/environment.js';
import { ROOT } from './source-files.js';

const TABLE = /<!-- configuration:start -->\n([\s\S]*?)<!-- configuration:end -->/;

describe('the configuration table of the README', () => {
  const rows = tableRows();
  const defaults = new Environment() as unknown as Record<string, unknown>;

  it('has every variable that is read, and no other', () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(defaults).sort());
  });

  it.each(rows.filter(({ name }) => isPlainDefault(defaults[name])))('tells the default of $name', (row) => {
    expect(row.default).toBe(`\`${String(defaults[row.name])}\``);
  });

  it.each(rows.filter(({ name }) => Array.isArray(defaults[name])))(
    'tells the list that $name is by default',
    (row) => {
      const items = defaults[row.name] as string[];
      expect(row.default).toBe(items.length === 0 ? 'none' : `\`${items.join(',')}\``);
    },
  );
});

function isPlainDefault(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** A row may name several variables that share its text. */
function tableRows(): { name: string; default: string }[] {
  const table = TABLE.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1];
  if (table === undefined) throw new Error('README.md has no table between the configuration markers.');
  return table
    .trim()
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [, names = '', defaultCell = ''] = line.split('|').map((cell) => cell.trim());
      return [...names.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => ({ name: name!, default: defaultCell }));
    });
}
