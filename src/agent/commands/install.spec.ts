import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { unitOf } from './install.js';

const template = readFileSync(new URL('../../../packaging/stowage-agent.service', import.meta.url), 'utf8');
const places = {
  node: '/opt/node/bin/node',
  program: '/opt/stowage/main.js',
  dataDir: '/var/lib/stowage-agent',
};

describe('the unit that is installed', () => {
  it('names the programs of this machine', () => {
    const [, command] = /^ExecStart=(.*)$/m.exec(unitOf(template, places))!;
    expect(command).toBe(
      '/opt/node/bin/node --max-semi-space-size=4 /opt/stowage/main.js run --data-dir /var/lib/stowage-agent',
    );
  });

  it('lets systemd make the usual data folder only', () => {
    expect(unitOf(template, places)).toContain('StateDirectory=stowage-agent\nStateDirectoryMode=0700');
    const elsewhere = unitOf(template, { ...places, dataDir: '/srv/agent' });
    expect(elsewhere).toContain('--data-dir /srv/agent\n');
    expect(elsewhere).not.toMatch(/StateDirectory|var\/lib/);
  });

  it.each(['/opt/my node', '/opt/%h', '/opt/$HOME', "/opt/a'b", '/opt/a\nb'])('takes no path %p', (node) => {
    expect(() => unitOf(template, { ...places, node })).toThrow('units');
  });
});
