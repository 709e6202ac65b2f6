import { describe, expect, it } from '@jest/globals';
import { isWithin, readLocalPath, rootsFor } from './host-path.js';

describe('a path of this host', () => {
  it.each([
    ['/srv/a', '/srv/a'],
    ['/srv//a/', '/srv/a'],
    ['/srv/./b/../a', '/srv/a'],
    ['/../../etc/passwd', '/etc/passwd'],
    ['/', '/'],
  ])('is stored from %j as %j', (text, path) => {
    expect(readLocalPath(text)).toEqual({ path });
  });

  it.each(['', 'a', './a', 'C:\\a', '/a\0b', '/a\ud800', `/${'a'.repeat(4_095)}`])('is not %j', (text) => {
    expect(readLocalPath(text)).toHaveProperty('problem');
  });

  it('lies in a folder only when a whole name ends there', () => {
    expect(isWithin('/srv/a', '/srv')).toBe(true);
    expect(isWithin('/srv', '/srv')).toBe(true);
    expect(isWithin('/srv2/a', '/srv')).toBe(false);
    expect(isWithin('/sr', '/srv')).toBe(false);
  });
});

it('a root may be each user’s own', () => {
  expect(rootsFor(['/srv/{user_id}/in', '/data'], 42)).toEqual(['/srv/42/in', '/data']);
});
