import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertWithinBounds } from './path-bounds.js';

describe('the bounds of a path on the server’s own machine', () => {
  let root: string;
  beforeAll(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'stowage-bounds-')));
    for (const folder of ['open/sub', 'closed', 'data/agent'])
      mkdirSync(join(root, folder), { recursive: true });
    symlinkSync(join(root, 'closed'), join(root, 'open/out'));
    symlinkSync(join(root, 'data'), join(root, 'open/data'));
    symlinkSync(join(root, 'nowhere'), join(root, 'open/dangling'));
    symlinkSync(join(root, 'open'), join(root, 'alias'));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const assert = (path: string, roots: string[] | null) => {
    const bounds = { roots: roots?.map((each) => join(root, each)) ?? null, forbidden: [join(root, 'data')] };
    return () => assertWithinBounds(join(root, path), bounds);
  };

  it.each(['open', 'open/sub', 'open/new/deep', 'alias/sub'])('%s lies within', (path) => {
    expect(assert(path, ['open'])).not.toThrow();
    expect(assert(path, ['alias'])).not.toThrow();
  });

  it.each(['open/out', 'open/out/new', 'closed', 'open2', ''])('%s leads out', (path) => {
    expect(assert(path, ['open'])).toThrow(expect.objectContaining({ code: 'path_refused' }));
  });

  it.each(['open/data', 'open/data/agent/x', 'data', ''])('%s reaches the server’s data', (path) => {
    expect(assert(path, null)).toThrow('data of the server');
  });

  it('says where a link leads to', () => {
    expect(assert('open/out/x', ['open'])).toThrow(
      `${root}/open/out/x leads to ${root}/closed/x, which is not`,
    );
  });

  it('holds where there is no folder for everybody, and not for administrators', () => {
    expect(assert('open', [])).toThrow('there is none');
    expect(assert('open/out', null)).not.toThrow();
  });

  it('is no matter of other hosts', () => expect(() => assertWithinBounds('/', undefined)).not.toThrow());
});
