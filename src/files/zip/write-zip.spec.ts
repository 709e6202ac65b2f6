import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { StorageError } from '../../storage-providers/storage-errors.js';
import type { ByteRange, ObjectContent } from '../../storage-providers/storage-provider.js';
import { writeZip } from './write-zip.js';
import { centralBytes, centralRecord, dataDescriptor, fileBytes, localHeader } from './zip-format.js';
import { layOut } from './zip-layout.js';

interface Item {
  readonly name: string;
  readonly sizeBytes: number;
  readonly crc32: number | undefined;
  readonly modifiedAt: Date;
  readonly text: string;
}

const at = new Date('2026-11-22T10:15:30Z');
const item = (name: string, text: string, crc: number | undefined = crc32(text)): Item => ({
  name,
  text,
  crc32: crc,
  sizeBytes: Buffer.byteLength(text),
  modifiedAt: at,
});
const unknown = (name: string, text: string): Item => ({ ...item(name, text), crc32: undefined });

/** Contents by name, each in pieces of two bytes; `breaks` of them fail in their middle. */
class Bucket {
  readonly opened: string[] = [];
  readonly bodies: Readable[] = [];
  readonly passed: string[] = [];
  breaks = 0;
  retryable = true;
  etag = 'e';

  async open({ name, text }: Item, { range }: { readonly range?: ByteRange } = {}): Promise<ObjectContent> {
    this.opened.push(range === undefined ? name : `${name} ${range.start}-${range.end}`);
    const bytes = Buffer.from(text).subarray(range?.start ?? 0);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 2) }, (_, index) =>
      bytes.subarray(index * 2, index * 2 + 2),
    );
    const failsAt = this.breaks > 0 ? 1 : Infinity;
    this.breaks -= 1;
    const failure = broken(this.retryable);
    const body = Readable.from(
      (async function* () {
        for (const [index, piece] of pieces.entries()) {
          if (index === failsAt) throw failure;
          yield piece;
        }
      })(),
    );
    this.bodies.push(body);
    return {
      body,
      sizeBytes: bytes.length,
      totalBytes: Buffer.byteLength(text),
      etag: this.etag,
      contentType: undefined,
      lastModified: at,
    };
  }

  onFile({ name }: Item): void {
    this.passed.push(name);
  }
}

function broken(retryable: boolean): StorageError {
  return new StorageError('endpoint_unreachable', 'broken', { operation: 'get', hint: '', retryable });
}

async function write(items: readonly Item[], bucket = new Bucket()): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const first = await bucket.open(items[0]!);
  for await (const chunk of writeZip(layOut(items), first, bucket)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('an archive', () => {
  it('is as long as announced, whatever is known of its files', async () => {
    const items = [item('a/ä.txt', 'first'), unknown('b', 'second!'), item('empty', ''), unknown('e2', '')];
    const bucket = new Bucket();
    const bytes = await write(items, bucket);
    expect(bytes).toHaveLength(layOut(items).totalBytes);
    expect(bucket.passed).toEqual(items.map(({ name }) => name));
    expect(bytes.toString('latin1').split('PK\u0001\u0002')).toHaveLength(5);
  });

  it.each([[item('long', '')], [unknown('long', '')]])(
    'has room for files and offsets beyond 4 GiB: %j',
    (small) => {
      const long = { ...small, sizeBytes: 5 * 1024 ** 3 };
      const descriptor = long.crc32 === undefined ? dataDescriptor(long, 1).length : 0;
      expect(fileBytes(long)).toBe(localHeader(long).length + long.sizeBytes + descriptor);
      for (const offset of [0, 0xfffffffe, 0xffffffff, 2 ** 40]) {
        expect(centralRecord(long, 1, offset)).toHaveLength(centralBytes(long, offset));
        expect(centralRecord(small, 1, offset)).toHaveLength(centralBytes(small, offset));
      }
    },
  );

  it('goes on with a content where it broke off', async () => {
    const items = [item('a', '0123456789'), item('b', 'next')];
    const bucket = new Bucket();
    bucket.breaks = 2;
    const bytes = await write(items, bucket);
    expect(bytes.includes('0123456789')).toBe(true);
    expect(bucket.opened).toEqual(['a', 'b', 'a 2-9', 'b 2-3']);
  });

  it('ends with the error of a content that cannot be read', async () => {
    const bucket = new Bucket();
    bucket.breaks = 1;
    bucket.retryable = false;
    await expect(write([item('a', '0123456789'), item('b', 'x')], bucket)).rejects.toMatchObject({
      code: 'endpoint_unreachable',
    });
    expect(bucket.passed).toEqual([]);
  });

  it.each([
    ['another CRC-32', { ...item('a', '0123456789'), crc32: 7 }],
    ['another length', { ...item('a', '0123456789'), sizeBytes: 9 }],
  ])('ends with an error at a content that has %s', async (_, wrong) => {
    await expect(write([wrong])).rejects.toMatchObject({ code: 'file_damaged' });
  });

  it('takes no other content for the rest of one', async () => {
    const bucket = new Bucket();
    bucket.breaks = 1;
    const items = [item('a', '0123456789')];
    const first = await bucket.open(items[0]!);
    bucket.etag = 'other';
    const archive = writeZip(layOut(items), first, bucket);
    await expect(buffer(archive)).rejects.toMatchObject({ code: 'file_damaged' });
  });

  it('survives a content that fails before anybody reads it', async () => {
    const bucket = new Bucket();
    const items = [item('a', '01'), item('b', '23')];
    const archive = writeZip(layOut(items), await bucket.open(items[0]!), bucket);
    await archive.next();
    await archive.next();
    expect(bucket.opened).toEqual(['a', 'b']);
    bucket.bodies[1]!.destroy(broken(true));
    await new Promise((resolve) => setImmediate(resolve));
    expect((await buffer(archive)).toString('latin1')).toContain('23');
    expect(bucket.opened).toEqual(['a', 'b', 'b']);
  });

  it('closes everything that is open when nobody reads on', async () => {
    const bucket = new Bucket();
    const items = [item('a', '0123456789'), item('b', '0123456789')];
    const archive = writeZip(layOut(items), await bucket.open(items[0]!), bucket);
    await archive.next();
    await archive.next();
    await archive.return();
    await new Promise((resolve) => setImmediate(resolve));
    expect(bucket.opened).toEqual(['a', 'b']);
    expect(bucket.bodies.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });
});
