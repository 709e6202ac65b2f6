import { describe, expect, it } from '@jest/globals';
import { ScriptedStorage } from '../../../test/support/scripted-storage.js';
import { StorageError, type StorageErrorCode } from '../../storage-providers/storage-errors.js';
import type { UploadTarget } from '../incoming-file.js';
import { type FileToCopy, ObjectCopier } from './object-copier.js';

const KEY = 'f/o/copy';
const SMALL = 'content';
/** More than one call of the scripted storage copies, and as many parts as its parts' length makes of it. */
const LARGE = 'x'.repeat(2_500);
const DIGEST = 'd'.repeat(32);
const sender = { signal: new AbortController().signal };

function fileOf(text: string, more: Partial<FileToCopy> = {}): FileToCopy {
  return {
    filename: 'a.txt',
    folder: 'x/',
    tags: ['t'],
    contentType: 'text/plain',
    sizeBytes: text.length,
    sourceKey: 'f/s/source',
    checksum: 'ab'.repeat(32),
    checksumSource: 'server',
    crc32: 7,
    ...more,
  };
}

function failure(code: StorageErrorCode, httpStatus: number): StorageError {
  return new StorageError(code, code, { operation: 'copy', hint: '', retryable: false, httpStatus });
}

class World {
  readonly storage = new ScriptedStorage();
  readonly rows: string[] = [];
  private readonly copier = new ObjectCopier({
    savePending: async (_owner, { objectKey }, uploadId) => void this.rows.push(`${objectKey} ${uploadId}`),
    forgetPending: async (_owner, objectKey) => void this.rows.push(`forget ${objectKey}`),
  });

  copy(file: FileToCopy) {
    const target: UploadTarget = { userId: 1, configId: 2, provider: 's3_compatible', storage: this.storage };
    return this.copier.copy(target, file, KEY, sender);
  }
}

describe('a copy', () => {
  it('is one call, and needs no row before it', async () => {
    const world = new World();
    world.storage.store('f/s/source', SMALL);
    expect(await world.copy(fileOf(SMALL))).toMatchObject({
      objectKey: KEY,
      filename: 'a.txt',
      folder: 'x/',
      tags: ['t'],
      sizeBytes: 7,
      pending: false,
      cloudUrl: `test://${KEY}`,
    });
    expect(world.storage.calls).toEqual([`copy f/s/source ${KEY}`]);
    expect(world.rows).toEqual([]);
  });

  it.each([
    ['sha256', 'server', 'ab'.repeat(32), 'provider'],
    ['sha256', 'client', 'ab'.repeat(32), 'provider'],
    ['digest', 'server', 'ab'.repeat(32), 'provider'],
    ['digest', 'client', 'ab'.repeat(32), 'client'],
    ['length', 'server', null, 'client'],
  ] as const)(
    'that is proven by %s, of a checksum from the %s, has the checksum %s from the %s',
    async (proof, source, checksum, checksumSource) => {
      const world = new World();
      world.storage.copies = { maxCopyBytes: 1_000, copy: async () => ({ etag: 'e', proof }) };
      const copied = await world.copy(fileOf(SMALL, { checksumSource: source }));
      // The CRC-32 is no claim: downloads are compared with it.
      expect(copied).toMatchObject({ checksum, checksumSource, crc32: 7 });
    },
  );

  it('of a large file goes in parts, whose row is there before the first', async () => {
    const world = new World();
    world.storage.store('f/s/source', LARGE, `${DIGEST}-3`).store(KEY, LARGE, `${DIGEST}-3`);
    const copied = await world.copy(fileOf(LARGE));
    expect(copied).toMatchObject({ pending: true, sizeBytes: 2_500, checksumSource: 'provider' });
    expect(world.rows).toEqual([`${KEY} u`]);
    const part = `copyPart f/s/source ${KEY}`;
    expect(world.storage.calls).toEqual([
      'head f/s/source',
      `create ${KEY}`,
      part,
      part,
      part,
      `complete ${KEY}`,
      `head ${KEY}`,
    ]);
  });

  it('in parts leaves nothing when one fails, or when the whole is too short', async () => {
    const failing = new World();
    failing.storage.store('f/s/source', LARGE).failNext('copyPart', failure('access_denied', 403));
    await expect(failing.copy(fileOf(LARGE))).rejects.toMatchObject({ code: 'access_denied' });
    expect(failing.rows).toEqual([`${KEY} u`, `forget ${KEY}`]);
    expect(failing.storage.calls.slice(-2)).toEqual([`abort ${KEY}`, `delete ${KEY}`]);
    const short = new World();
    short.storage.store('f/s/source', LARGE).store(KEY, SMALL);
    await expect(short.copy(fileOf(LARGE))).rejects.toMatchObject({ code: 'file_damaged' });
    expect(short.rows).toEqual([`${KEY} u`, `forget ${KEY}`]);
  });

  it('is left to others where the bucket cannot, or says that it does not', async () => {
    const without = new World();
    without.storage.without('copies');
    expect(await without.copy(fileOf(SMALL))).toBeUndefined();
    const small = new World();
    small.storage.without('multipart');
    expect(await small.copy(fileOf(LARGE))).toBeUndefined();
    const refusing = new World();
    refusing.storage.failNext('copy', failure('provider_error', 501));
    expect(await refusing.copy(fileOf(SMALL))).toBeUndefined();
    expect(refusing.storage.calls).toEqual([`copy f/s/source ${KEY}`, `delete ${KEY}`]);
  });

  it('of an object that is not what was stored is none', async () => {
    const world = new World();
    world.storage.failNext('copy', failure('integrity', 200));
    await expect(world.copy(fileOf(SMALL))).rejects.toMatchObject({ code: 'file_damaged' });
    const gone = new World();
    await expect(gone.copy(fileOf(SMALL))).rejects.toMatchObject({ code: 'object_not_found' });
    expect(gone.storage.calls).toEqual([`copy f/s/source ${KEY}`]);
  });
});
