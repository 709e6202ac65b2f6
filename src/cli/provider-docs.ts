import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROVIDERS } from '../storage-providers/providers/index.js';
import { renderProviderDocs } from './render-provider-docs.js';

/* Writes docs/providers.md from the strategies' own guides; --check fails when the file is outdated. */
const FILE = join(fileURLToPath(import.meta.url), '../../../../docs/providers.md');
const text = renderProviderDocs(PROVIDERS);

if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== text) {
    process.stderr.write('docs/providers.md is outdated: npm run docs:providers\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(FILE, text);
}
