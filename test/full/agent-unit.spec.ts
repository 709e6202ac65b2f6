import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unitOf } from '../../src/agent/commands/install.js';
import { requireProgram } from '../support/bound-process.js';

const TEMPLATE = readFileSync(
  fileURLToPath(new URL('../../packaging/stowage-agent.service', import.meta.url)),
  'utf8',
);
const PROGRAM = fileURLToPath(new URL('../../dist/src/agent/main.js', import.meta.url));
/** `systemd-analyze security` calls more than this exposed. */
const MAX_EXPOSURE = 4.5;

describe('the unit of the agent', () => {
  const analyze = requireProgram('systemd-analyze', 'systemd');
  let folder: string;
  let unit: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'stowage-unit-'));
    unit = join(folder, 'stowage-agent.service');
    writeFileSync(
      unit,
      unitOf(TEMPLATE, { node: process.execPath, program: PROGRAM, dataDir: '/var/lib/stowage-agent' }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is one that systemd understands, to the last line', async () => {
    const { stderr } = await promisify(execFile)(analyze, ['verify', '--recursive-errors=no', unit]);
    expect(stderr).toBe('');
  });

  it('leaves the agent no more than it needs', async () => {
    const args = ['security', '--offline=true', `--threshold=${MAX_EXPOSURE * 10}`, unit];
    const { stdout } = await promisify(execFile)(analyze, args);
    expect(stdout).toContain('Overall exposure level');
  });
});
