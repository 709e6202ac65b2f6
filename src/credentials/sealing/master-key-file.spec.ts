import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { masterKeyPath, readMasterKeyFile, readOrCreateMasterKeyFile } from './master-key-file.js';
import { MasterKeyError } from './master-key.js';

describe('the generated master key', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-key-'));
  });

  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it('is absent before the first start', async () => {
    expect(await readMasterKeyFile(dataDir)).toBeUndefined();
  });

  it('is made once, for its owner only, and found again', async () => {
    const made = await readOrCreateMasterKeyFile(join(dataDir, 'new'));
    expect(made).toMatchObject({ created: true, exposed: false, path: masterKeyPath(join(dataDir, 'new')) });
    expect((await stat(made.path)).mode & 0o777).toBe(0o600);
    const found = await readOrCreateMasterKeyFile(join(dataDir, 'new'));
    expect(found).toMatchObject({ created: false });
    expect(found.key.id).toBe(made.key.id);
    expect(await readdir(join(dataDir, 'new'))).toEqual(['master-key']);
  });

  it('is one and the same for processes that start together', async () => {
    const files = await Promise.all(Array.from({ length: 20 }, () => readOrCreateMasterKeyFile(dataDir)));
    expect(new Set(files.map((file) => file.key.id)).size).toBe(1);
    expect(files.filter((file) => file.created)).toHaveLength(1);
    expect(await readdir(dataDir)).toEqual(['master-key']);
  });

  it('is never overwritten, not even when it is damaged', async () => {
    await writeFile(masterKeyPath(dataDir), 'damaged');
    await expect(readOrCreateMasterKeyFile(dataDir)).rejects.toThrow(MasterKeyError);
    expect(await readFile(masterKeyPath(dataDir), 'utf8')).toBe('damaged');
  });

  it('does not quote a damaged file', async () => {
    await writeFile(masterKeyPath(dataDir), 'damaged-secret-content');
    await expect(readMasterKeyFile(dataDir)).rejects.toThrow(/^(?!.*damaged-secret).*master-key/s);
  });

  it('is reported when others may read it', async () => {
    await readOrCreateMasterKeyFile(dataDir);
    await chmod(masterKeyPath(dataDir), 0o640);
    expect(await readMasterKeyFile(dataDir)).toMatchObject({ exposed: true });
  });
});
