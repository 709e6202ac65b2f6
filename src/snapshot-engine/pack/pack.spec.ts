import { hash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noise } from '../../../test/support/noise.js';
import { BlobCipher } from '../crypto/blob-cipher.js';
import { createMasterKey } from '../crypto/master-key.js';
import {
  encodePackHeader,
  headerSizeBytes,
  MAX_HEADER_BYTES,
  openPackHeader,
  readPackHeader,
  sealedHeaderBytes,
} from './pack-header.js';
import { MAX_PACK_BLOBS, PackWriter, TARGET_PACK_BYTES } from './pack-writer.js';
import type { PackedBlob } from './packed-blob.js';
import { readBlob } from './read-blob.js';

const MIB = 1_024 * 1_024;
const cipher = new BlobCipher(createMasterKey());

describe('packs', () => {
  it('give back what was added, and describe themselves', () => {
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 20 }), type, (contents, kind) => {
        const writer = new PackWriter(cipher);
        const added = contents.map((bytes) => writer.add(hash('sha256', bytes), kind, bytes));
        expect(writer.blobCount).toBe(contents.length);
        const { id, bytes, blobs } = writer.finish();
        expect(hash('sha256', bytes)).toBe(id);
        expect(blobs).toEqual(added);
        const header = readPackHeader(cipher, bytes, 'pack');
        expect(header.blobs).toEqual(blobs);
        expect(header.findings).toEqual(
          new Set(blobs.map((blob) => blob.id)).size < blobs.length ? ['duplicate_blob'] : [],
        );
        expect(bytes.length).toBe(writtenBytes(blobs) + headerSizeBytes(blobs));
        for (const [at, blob] of blobs.entries())
          expect(readBlob(cipher, blob, part(bytes, blob)).compare(contents[at]!)).toBe(0);
        expect(writer.sizeBytes).toBe(0);
      }),
    );
  });

  it('grow with large blobs, are full at 16 MiB, and can be written into memory that was given back', () => {
    const writer = new PackWriter(cipher);
    const large = noise(8 * MIB);
    const id = hash('sha256', large);
    writer.add(id, 'data', Buffer.from('small'.repeat(9)));
    while (!writer.isFull) writer.add(id, 'data', large);
    expect(writer.sizeBytes).toBeGreaterThanOrEqual(TARGET_PACK_BYTES);
    const first = writer.finish();
    expect(first.bytes.byteOffset).toBe(0);
    const buffer = first.bytes.buffer;
    writer.recycle(buffer);
    for (let at = 0; at < 5; at += 1) writer.add(id, 'data', large);
    expect(writer.sizeBytes).toBeGreaterThan(40 * MIB);
    const second = writer.finish();
    for (const blob of second.blobs)
      expect(readBlob(cipher, blob, part(second.bytes, blob)).compare(large)).toBe(0);
    writer.recycle(buffer);
    writer.add(id, 'data', large);
    expect(writer.finish().bytes.buffer).toBe(buffer);
  });

  it('hold one type each, and never nothing', () => {
    const writer = new PackWriter(cipher);
    expect(() => writer.finish()).toThrow('without blobs');
    const { id } = writer.add(hash('sha256', 'a'), 'data', Buffer.from('a'));
    expect(() => writer.add(id, 'tree', Buffer.from('a'))).toThrow(TypeError);
    writer.finish();
    expect(writer.add(id, 'tree', Buffer.from('a')).offset).toBe(0);
  });

  it('are full before an index file of theirs is', () => {
    const writer = new PackWriter(cipher);
    const id = hash('sha256', '');
    for (let at = 1; at < MAX_PACK_BLOBS; at += 1) writer.addSealed(blobOf(id), Buffer.alloc(32));
    expect(writer.isFull).toBe(false);
    writer.addSealed(blobOf(id), Buffer.alloc(32));
    expect(writer.isFull).toBe(true);
  });

  it('take blobs of other packs as they are', () => {
    const text = Buffer.alloc(9_000, 'text ');
    const source = new PackWriter(cipher);
    source.add(hash('sha256', 'x'), 'tree', Buffer.from('x'));
    const blob = source.add(hash('sha256', text), 'tree', text);
    const { bytes } = source.finish();
    const target = new PackWriter(cipher);
    expect(target.addSealed(blob, part(bytes, blob))).toEqual({ ...blob, offset: 0 });
    const copy = target.finish();
    expect(readBlob(cipher, copy.blobs[0]!, part(copy.bytes, copy.blobs[0]!))).toEqual(text);
  });

  it('keep nothing that was not sealed faithfully', () => {
    class FaultyCipher extends BlobCipher {
      isFaulty = false;
      override sealInto(plaintext: Uint8Array, target: Uint8Array, offset: number): number {
        const faulty = Buffer.from(plaintext);
        if (this.isFaulty) faulty[3]! ^= 1;
        return super.sealInto(faulty, target, offset);
      }
    }
    const faulty = new FaultyCipher(createMasterKey());
    const writer = new PackWriter(faulty);
    const add = (bytes: Buffer) => writer.add(hash('sha256', bytes), 'data', bytes);
    add(Buffer.from('before'));
    faulty.isFaulty = true;
    expect(() => add(noise(1_000))).toThrow('memory of this machine');
    expect(() => add(Buffer.alloc(1_000, 'compressible'))).toThrow();
    faulty.isFaulty = false;
    add(Buffer.from('behind'));
    const { bytes, blobs } = writer.finish();
    expect(blobs.map((blob) => readBlob(faulty, blob, part(bytes, blob)).toString())).toEqual([
      'before',
      'behind',
    ]);
  });
});

describe('a blob that is read', () => {
  const writer = new PackWriter(cipher);
  const text = Buffer.alloc(5_000, 'text ');
  const blob = writer.add(hash('sha256', text), 'data', text);
  const sealed = part(writer.finish().bytes, blob);

  it.each([
    ['another name', { ...blob, id: hash('sha256', 'x') }, sealed],
    ['another length', { ...blob, uncompressedBytes: 4_999 }, sealed],
    ['no compression', { ...blob, uncompressedBytes: 0 }, sealed],
    ['fewer bytes', blob, sealed.subarray(1)],
    ['altered bytes', blob, Buffer.concat([sealed.subarray(0, -1), Buffer.of(0)])],
  ])('is refused under %s', (_, entry, bytes) => {
    const wrong = bytes === sealed ? bytes : Buffer.from(bytes);
    expect(() => readBlob(cipher, entry, wrong)).toThrow(/^Blob [0-9a-f]{64} is damaged/);
  });
});

describe('the header of a strange pack', () => {
  it('is read or refused as damaged, whatever it says', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(2 ** 32 - 1), (plaintext, offset) => {
        expectRepositoryError(() => openPackHeader(cipher, cipher.seal(plaintext), offset, 'pack'));
      }),
    );
  });

  it('is refused when bytes of a real one are changed, unless it says the same', () => {
    const header = encodePackHeader(blobs);
    fc.assert(
      fc.property(fc.nat(header.length - 1), fc.nat(255), (at, byte) => {
        const altered = Buffer.from(header);
        altered[at] = byte;
        const read = expectRepositoryError(() =>
          openPackHeader(cipher, cipher.seal(altered), writtenBytes(blobs), 'pack'),
        );
        if (read !== undefined) expect(encodePackHeader(read.blobs)).toEqual(altered);
      }),
    );
  });

  it.each([
    ['ends within an entry', encodePackHeader(blobsOf(1)).subarray(0, -1), 32],
    ['names an unknown kind', Buffer.concat([Buffer.of(4), Buffer.alloc(40)]), 32],
    ['describes less than lies there', encodePackHeader(blobsOf(1)), 33],
    ['describes more than lies there', encodePackHeader(blobsOf(2)), 63],
    ['describes nothing', Buffer.alloc(0), 0],
    ['has a blob that is too short', encodePackHeader([{ ...blobsOf(1)[0]!, lengthBytes: 31 }]), 31],
    ['has compressed nothing', entryOf(2, 32, 5), 32],
    ['has compressed to nothing', entryOf(2, 40, 0), 40],
    ['has a blob of 4 GiB', entryOf(2, 100, 0xffff_ffff), 100],
  ])('is refused when it %s', (_, plaintext, offset) => {
    expect(() => openPackHeader(cipher, cipher.seal(plaintext), offset, 'pack')).toThrow('pack is damaged');
  });

  it('tells of mixed types and of blobs that are there twice', () => {
    const [blob] = blobsOf(1);
    const mixed = encodePackHeader([blob!, { ...blob!, type: 'tree', offset: 32 }]);
    expect(openPackHeader(cipher, cipher.seal(mixed), 64, 'pack').findings).toEqual(['mixed_types']);
    const twice = encodePackHeader([blob!, blob!]);
    expect(openPackHeader(cipher, cipher.seal(twice), 64, 'pack').findings).toEqual(['duplicate_blob']);
  });

  it('has a length that fits into the pack', () => {
    const lengthOf = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
    expect(sealedHeaderBytes(lengthOf(69), 73, 'pack')).toBe(69);
    for (const [value, packBytes] of [
      [70, 73],
      [32, 1_000],
      [0, 1_000],
      [0xffff_ffff, 2 ** 33],
      [MAX_HEADER_BYTES + 1, 2 ** 33],
    ] as const)
      expect(() => sealedHeaderBytes(lengthOf(value), packBytes, 'pack')).toThrow('length of its header');
    expect(() => readPackHeader(cipher, Buffer.alloc(3), 'pack')).toThrow('too short');
    expect(() => readPackHeader(cipher, Buffer.alloc(0), 'pack')).toThrow('too short');
  });

  it('is refused under any change of the whole pack', () => {
    const writer = new PackWriter(cipher);
    for (let at = 0; at < 5; at += 1) writer.add(hash('sha256', `${at}`), 'data', Buffer.from(`${at}`));
    const { bytes, blobs: written } = writer.finish();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = Buffer.from(bytes);
        altered[at]! ^= change;
        expect(() => {
          const { blobs: read } = readPackHeader(cipher, altered, 'pack');
          for (const blob of read) readBlob(cipher, blob, part(altered, blob));
        }).toThrow('is damaged');
      }),
    );
    expect(written).toHaveLength(5);
  });
});

const type = fc.constantFrom('data' as const, 'tree' as const);
const content = fc
  .record({ sizeBytes: fc.nat(20_000), period: fc.nat(30_000), seed: fc.nat(5) })
  .map(({ sizeBytes, period, seed }) => Buffer.alloc(sizeBytes, noise(period + 1, seed)));
const blobs = blobsOf(4);

function blobsOf(count: number): PackedBlob[] {
  return Array.from({ length: count }, (_, at) => ({ ...blobOf(hash('sha256', `${at}`)), offset: 32 * at }));
}

function blobOf(id: string): PackedBlob {
  return { id, type: 'data', offset: 0, lengthBytes: 32, uncompressedBytes: 0 };
}

function entryOf(kind: number, lengthBytes: number, uncompressedBytes: number): Buffer {
  const numbers = Buffer.from(Uint32Array.of(lengthBytes, uncompressedBytes).buffer);
  return Buffer.concat([Buffer.of(kind), numbers, Buffer.alloc(32)]);
}

function writtenBytes(each: readonly PackedBlob[]): number {
  return each.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}

function part(pack: Uint8Array, { offset, lengthBytes }: PackedBlob): Uint8Array {
  return pack.subarray(offset, offset + lengthBytes);
}

/** What `act` answers; undefined when it throws what it may. */
function expectRepositoryError<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    expect(error).toMatchObject({ name: 'RepositoryError', code: 'damaged_repository' });
    return undefined;
  }
}
