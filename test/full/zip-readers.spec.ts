import { execFile } from 'node:child_process';
import { mkdtemp, open as openFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeZip } from '../../src/files/zip/write-zip.js';
import type { ZipItem } from '../../src/files/zip/zip-format.js';
import { layOut } from '../../src/files/zip/zip-layout.js';
import type { ObjectContent } from '../../src/storage-providers/storage-provider.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;
/** Each of three programs computes the CRC-32 of more than 8 GiB. */
const MINUTES = 15 * 60_000;
const ZEROES = Buffer.alloc(MIB);
const modifiedAt = new Date('2026-11-22T10:15:30Z');

/** A file of one byte again and again. */
interface Item extends ZipItem {
  readonly byte: number;
}

function item(name: string, sizeBytes: number, byte: number, crc: 'known' | 'unknown'): Item {
  return { name, sizeBytes, byte, modifiedAt, crc32: crc === 'known' ? crcOf(sizeBytes, byte) : undefined };
}

function crcOf(sizeBytes: number, byte: number): number {
  let crc = 0;
  for (const piece of piecesOf(sizeBytes, byte)) crc = crc32(piece, crc);
  return crc;
}

function* piecesOf(sizeBytes: number, byte: number): Generator<Buffer> {
  const piece = Buffer.alloc(Math.min(MIB, sizeBytes), byte);
  for (let left = sizeBytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
}

async function open({ sizeBytes, byte }: Item): Promise<ObjectContent> {
  const body = Readable.from(piecesOf(sizeBytes, byte));
  const facts = { etag: 'e', contentType: undefined, lastModified: modifiedAt };
  return { body, sizeBytes, totalBytes: sizeBytes, ...facts };
}

/** What Python's zipfile finds: its own test of all CRCs, and names, lengths and times of all files. */
const PYTHON = `
import sys, zipfile, hashlib
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
facts = hashlib.sha256()
for info in archive.infolist():
    facts.update(f'{info.filename} {info.file_size} {info.date_time}\\n'.encode())
print(len(archive.infolist()), facts.hexdigest())
print([info.filename for info in archive.infolist()][:3])
`;

describe('archives as others read them', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-zip-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Nothing but zeroes becomes a hole, so that gigabytes cost no disk. */
  async function written(items: readonly Item[]): Promise<string> {
    const path = join(folder, `${items.length}.zip`);
    const layout = layOut(items);
    const file = await openFile(path, 'w');
    let at = 0;
    for await (const piece of writeZip(layout, await open(items[0]!), { open, onFile: () => undefined })) {
      if (!piece.equals(ZEROES)) await file.write(piece, 0, piece.length, at);
      at += piece.length;
    }
    await file.close();
    expect(at).toBe(layout.totalBytes);
    return path;
  }

  async function readByPython(path: string): Promise<string[]> {
    return (await run('python3', ['-c', PYTHON, path])).stdout.trim().split('\n');
  }

  it('are whole for Python and Info-ZIP, beyond 65,535 files', async () => {
    const names = Array.from({ length: 70_000 }, (_, index) => `ö/${index % 7}/file ${index}`);
    const items = names.map((name, index) =>
      item(name, index % 50, index % 256, index % 2 === 0 ? 'known' : 'unknown'),
    );
    const path = await written(items);
    const [facts, first] = await readByPython(path);
    expect(facts).toMatch(/^70000 /);
    expect(first).toBe("['ö/0/file 0', 'ö/1/file 1', 'ö/2/file 2']");
    expect((await run('unzip', ['-tqq', path])).stdout.trim()).toBe('');
  });

  it(
    'are whole for Python and Info-ZIP, with files and offsets beyond 4 GiB',
    async () => {
      const long = 4 * 1024 * MIB + 5;
      const items = [
        item('known', long, 0, 'known'),
        item('unknown', long, 0, 'unknown'),
        item('after', 3, 3, 'known'),
        item('last', 0, 0, 'unknown'),
      ];
      const path = await written(items);
      expect((await readByPython(path))[0]).toMatch(/^4 /);
      expect((await run('unzip', ['-tqq', path])).stdout.trim()).toBe('');
    },
    MINUTES,
  );
});
