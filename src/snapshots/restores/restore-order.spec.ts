import { describe, expect, it } from '@jest/globals';
import { needsConfirmation, relativePath, restoreProblems, targetBeside } from './restore-order.js';

const ID = '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10';

describe('the order of a restore', () => {
  it.each<[object, string[]]>([
    [{ snapshot_id: ID }, []],
    [{ workspace_id: ID, paths: ['a', '/b/c/'], destination: 'in-place', mirror: true }, []],
    [{}, ['/snapshot_id']],
    [{ snapshot_id: ID, workspace_id: ID }, ['/snapshot_id']],
    [{ snapshot_id: ID, mirror: true }, ['/mirror']],
    [
      { snapshot_id: ID, paths: ['ok', '../x', '', 'a/./b', 'a\0', '\ud800'] },
      [1, 2, 3, 4, 5].map((n) => `/paths/${n}`),
    ],
  ])('%j', (wanted, pointers) => {
    expect(restoreProblems(wanted).map(({ pointer }) => pointer)).toEqual(pointers);
  });

  it('takes paths with and without slashes around', () => expect(relativePath('//a//b/')).toBe('a/b'));

  it.each([
    ['/srv/w', '/srv/w-restored-20261122T101530Z'],
    ['/', '/workspace-restored-20261122T101530Z'],
  ])('goes beside %s', (path, target) => {
    expect(targetBeside(path, new Date('2026-11-22T10:15:30.123Z'))).toBe(target);
  });

  const workspace = { path: '/srv/w', isOnSameHost: true };
  it.each<[object, string, object, boolean]>([
    [{ destination: 'in-place' }, '/srv/w', workspace, true],
    [{ destination: 'in-place' }, '/srv/w/sub', workspace, true],
    [{ destination: 'in-place' }, '/srv', workspace, true],
    [{ destination: 'in-place' }, '/srv/w2', workspace, false],
    [{ destination: 'in-place' }, '/srv/w', { ...workspace, isOnSameHost: false }, false],
    [{ destination: 'in-place', mirror: true }, '/elsewhere', { ...workspace, isOnSameHost: false }, true],
    [{ destination: 'new-directory' }, '/srv/w/new', workspace, false],
  ])('%j into %s of %j needs a confirmation: %s', (order, target, place, needed) => {
    expect(needsConfirmation(order, target, place as typeof workspace)).toBe(needed);
  });
});
