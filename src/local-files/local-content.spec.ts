import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, open, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalContent } from './local-content.js';

describe('the content of a local file', () => {
  const bytes = Buffer.alloc(300_000, 'stowage ');
  let folder: string;
  let path: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-content-'));
    path = join(folder, 'file');
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  beforeEach(() => writeFile(path, bytes));

  /** Reads it whole; `meanwhile` runs after the first piece. */
  async function read(meanwhile: () => Promise<unknown> = () => Promise.resolve()): Promise<Buffer> {
    const handle = await open(path);
    try {
      const content = await LocalContent.of({ handle, stats: await handle.stat({ bigint: true }) }, Date.now);
      const pieces: Buffer[] = [];
      for (let piece = await content.read(); piece !== null; piece = await content.read()) {
        pieces.push(piece);
        if (pieces.length === 1) await meanwhile();
      }
      await content.assertUnchanged();
      return Buffer.concat(pieces);
    } finally {
      await handle.close();
    }
  }

  it('is read in pieces, whole', async () => {
    expect((await read()).equals(bytes)).toBe(true);
  });

  it('is that of the opened file when another one takes its name', async () => {
    const other = join(folder, 'other');
    await writeFile(other, 'other');
    // A rename changes the file's own status time where it had the name before; the old file lost a name.
    await expect(read(() => rename(other, path))).rejects.toMatchObject({ code: 'local_file_changing' });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['grows', () => appendFile(path, 'more')],
    ['shrinks', () => truncate(path, 200_000)],
    ['is written over in its length', () => writeInPlace(path)],
    [
      'is written over and dated back',
      async () => {
        await writeInPlace(path);
        await utimes(path, 1, 1);
      },
    ],
  ])('is refused when it %s meanwhile', async (_, change) => {
    await expect(read(change)).rejects.toMatchObject({ code: 'local_file_changing' });
  });

  it('can be hashed before it is read', async () => {
    const handle = await open(path);
    const content = await LocalContent.of({ handle, stats: await handle.stat({ bigint: true }) }, Date.now);
    const expected = createHash('sha256').update(bytes).digest('hex');
    expect(await content.checksum(AbortSignal.timeout(60_000))).toBe(expected);
    expect(await content.read()).not.toBeNull();
    await handle.close();
  });
});

async function writeInPlace(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  await handle.write('other', 0);
  await handle.close();
}
