import { execFileSync } from 'node:child_process';
import { link, mkdir, mkdtemp, realpath, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AllowedPaths } from './allowed-paths.js';
import { openLocalFile } from './open-local-file.js';

const USER = 7;

describe('a local file', () => {
  let top: string;
  let root: string;
  let paths: AllowedPaths;

  beforeAll(async () => {
    top = await realpath(await mkdtemp(join(tmpdir(), 'stowage-open-')));
    root = join(top, 'root');
    await mkdir(join(root, 'sub'), { recursive: true });
    await mkdir(join(root, 'data'));
    await mkdir(join(top, 'outside'));
    await writeFile(join(top, 'outside', 'secret'), 'secret');
    await writeFile(join(root, 'data', 'master-key'), 'secret');
    await writeFile(join(root, 'sub', 'file'), 'content');
    await symlink('sub', join(root, 'inner'));
    await symlink('../outside', join(root, 'leaving'));
    await symlink(join(top, 'outside', 'secret'), join(root, 'leaving-file'));
    await symlink('root', join(top, 'alias'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    paths = new AllowedPaths({ roots: [join(top, 'alias'), join(top, 'gone')], dataDir: join(root, 'data') });
  });

  afterAll(() => rm(top, { recursive: true, force: true }));

  const read = async (path: string) => {
    const { handle } = await openLocalFile(await paths.locate(USER, path));
    try {
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  };
  const codeOf = (path: string) =>
    read(path).then(
      () => 'opened',
      ({ code }: { code: string }) => code,
    );

  it('is opened below a root, also through links that stay there', async () => {
    expect(await read(join(root, 'sub/file'))).toBe('content');
    expect(await read(join(top, 'alias/sub/file'))).toBe('content');
    expect(await read(join(root, 'inner/file'))).toBe('content');
  });

  it.each([
    ['outside/secret', 'local_files_not_allowed'],
    ['outside/not-there', 'local_files_not_allowed'],
    ['root/leaving/secret', 'local_files_not_allowed'],
    ['root/leaving/not-there', 'local_files_not_allowed'],
    ['root/leaving-file', 'local_files_not_allowed'],
    ['root/data/master-key', 'local_files_not_allowed'],
    ['root2/x', 'local_files_not_allowed'],
    ['root/not-there', 'local_file_not_found'],
    ['root/sub', 'local_file_not_regular'],
    ['root', 'local_file_not_regular'],
    ['root/sub/file/below', 'local_file_not_regular'],
    ['root/pipe', 'local_file_not_regular'],
    ['gone/x', 'local_folder_unavailable'],
  ])('%s: %s', async (path, code) => {
    expect(await codeOf(join(top, path))).toBe(code);
  });

  it('is refused when a link takes its place, or a folder’s on its way, after it was located', async () => {
    const located = await paths.locate(USER, join(root, 'sub/file'));
    await rename(join(root, 'sub'), join(root, 'moved'));
    await symlink('../outside', join(root, 'sub'));
    await link(join(top, 'outside/secret'), join(top, 'outside/file'));
    await expect(openLocalFile(located)).rejects.toMatchObject({ code: 'local_file_not_regular' });
    await unlink(join(root, 'sub'));
    await mkdir(join(root, 'sub'));
    await symlink(join(top, 'outside/secret'), join(root, 'sub/file'));
    await expect(openLocalFile(located)).rejects.toMatchObject({ code: 'local_file_not_regular' });
    await rm(join(root, 'sub'), { recursive: true });
    await rename(join(root, 'moved'), join(root, 'sub'));
    expect(await read(join(root, 'sub/file'))).toBe('content');
  });

  it('is nobody’s while the operator allows no root', async () => {
    const none = new AllowedPaths({ roots: [], dataDir: '/nowhere' });
    await expect(none.locate(USER, join(root, 'sub/file'))).rejects.toMatchObject({
      code: 'local_files_not_allowed',
    });
  });
});
