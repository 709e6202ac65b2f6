import { describe, expect, it } from '@jest/globals';
import { readHostPath, serverPathRefusal } from './workspace-path.js';

describe('a path on a host', () => {
  it.each([
    ['/srv/project', '/srv/project'],
    ['/srv//project/', '/srv/project'],
    ['/srv/./a/../project', '/srv/project'],
    ['/../..', '/'],
    ['/', '/'],
    ['/ä ö/👩‍💻', '/ä ö/👩‍💻'],
    ['/back\\slash', '/back\\slash'],
  ])('%s is %s', (given, path) => expect(readHostPath(given)).toEqual({ path }));

  it.each(['', 'srv', './srv', '~/x', 'C:\\x', '/a\0b', '/\ud800', `/${'ä'.repeat(2_048)}`])(
    'is not %j',
    (given) => expect(readHostPath(given)).toEqual({ problem: expect.stringMatching(/^must/) }),
  );
});

describe('on the server’s own machine', () => {
  const rules = { dataDir: '/var/lib/stowage', workspaceRoots: ['/srv', '/data/x'], isAdministrator: false };

  it.each(['/srv', '/srv/a', '/data/x/y'])('everybody may use %s', (path) =>
    expect(serverPathRefusal(path, rules)).toBeUndefined(),
  );

  it.each(['/', '/srv2', '/data', '/data/xy', '/etc', '/var/lib/stowage/x'])(
    'not everybody may use %s',
    (path) => expect(serverPathRefusal(path, rules)).toBeDefined(),
  );

  it.each(['/', '/var', '/var/lib', '/var/lib/stowage', '/var/lib/stowage/buckets/a'])(
    'not even an administrator may use %s',
    (path) => expect(serverPathRefusal(path, { ...rules, isAdministrator: true })).toMatch(/server itself/),
  );

  it.each(['/etc', '/var/lib/stowage-agent', '/var/lib/stowagex'])('an administrator may use %s', (path) =>
    expect(serverPathRefusal(path, { ...rules, isAdministrator: true })).toBeUndefined(),
  );

  it('nobody else may use anything without roots', () => {
    expect(serverPathRefusal('/srv', { ...rules, workspaceRoots: [] })).toMatch(/WORKSPACE_ROOTS/);
  });
});
