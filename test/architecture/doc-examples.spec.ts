import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const EXAMPLES = join(DOCS, 'examples');

/** Specs run the files of docs/examples; what people copy must be the same. */
describe('examples of the documentation', () => {
  const pages = readdirSync(DOCS)
    .filter((name) => name.endsWith('.md'))
    .map((name) => readFileSync(join(DOCS, name), 'utf8'));

  it.each(readdirSync(EXAMPLES))('show %s as it is run', (name) => {
    const code = readFileSync(join(EXAMPLES, name), 'utf8');
    expect(pages.filter((page) => page.includes(`\n\`\`\`js\n${code}\`\`\`\n`))).toHaveLength(1);
  });
});
