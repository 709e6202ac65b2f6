import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ExactBody } from './exact-body.js';
import { MeasuredContent } from './measured-content.js';

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, at) => at % 251));

describe('ExactBody', () => {
  it('gives out exactly the promised bytes, however they come', async () => {
    for (const size of [1, 7, 64, 999, 1000]) {
      const content = contentOf(chunksOf(bytes, size));
      expect((await drain(new ExactBody(content, 1000, true))).equals(bytes)).toBe(true);
      const checksum = createHash('sha256').update(bytes).digest('hex');
      expect(content.digest()).toEqual({ sizeBytes: 1000, checksum, crc32: crc32(bytes) });
    }
  });

  it('cuts a file into bodies of equal length and a last one', async () => {
    const content = contentOf(chunksOf(bytes, 64));
    const parts = [
      await drain(new ExactBody(content, 400, false)),
      await drain(new ExactBody(content, 400, false)),
      await drain(new ExactBody(content, 200, true)),
    ];
    expect(parts.map((part) => part.length)).toEqual([400, 400, 200]);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  });

  it.each([
    ['shorter', 1001],
    ['longer', 999],
  ])('fails before the last byte when the file is %s than promised', async (_, promised) => {
    const body = new ExactBody(contentOf(chunksOf(bytes, 100)), promised, true);
    const seen: Buffer[] = [];
    body.on('data', (chunk: Buffer) => seen.push(chunk));
    await expect(drain(body)).rejects.toMatchObject({ code: 'invalid_form' });
    expect(Buffer.concat(seen).length).toBeLessThan(promised);
    expect(body.delivered).toBe(false);
    expect(body.failure).toMatchObject({ code: 'invalid_form' });
  });

  it('holds the last bytes back until the end of the file was seen', async () => {
    let seenBytes = 0;
    const content = contentOf(chunksOf(bytes, 1000), Infinity, async () => {
      expect(seenBytes).toBe(0);
    });
    const body = new ExactBody(content, 1000, true);
    body.on('data', (chunk: Buffer) => (seenBytes += chunk.length));
    await drain(body);
    expect(seenBytes).toBe(1000);
    expect(body.delivered).toBe(true);
  });

  it('fails when the end of the file is refused', async () => {
    const content = contentOf([bytes], Infinity, () => Promise.reject(new Error('not the last part')));
    const body = new ExactBody(content, 1000, true);
    await expect(drain(body)).rejects.toThrow('not the last part');
    expect(body.delivered).toBe(false);
  });

  it('stops at the limit', async () => {
    const content = contentOf(chunksOf(bytes, 100), 500);
    await expect(drain(new ExactBody(content, 1000, true))).rejects.toMatchObject({ code: 'file_too_large' });
    expect(content.sizeBytes).toBe(600);
  });

  it('reads no further after it was destroyed', async () => {
    let reads = 0;
    const content = new MeasuredContent(
      {
        read: () => {
          reads++;
          return new Promise((resolve) => setImmediate(() => resolve(Buffer.alloc(10))));
        },
      },
      Infinity,
    );
    const body = new ExactBody(content, 1_000_000, true);
    body.once('data', () => body.destroy());
    await new Promise((resolve) => body.once('close', resolve));
    const readsAtClose = reads;
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(reads).toBe(readsAtClose);
  });
});

function chunksOf(whole: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, at) =>
    whole.subarray(at * size, (at + 1) * size),
  );
}

function contentOf(
  chunks: readonly Buffer[],
  limit = Infinity,
  atEnd?: () => Promise<void>,
): MeasuredContent {
  const left = chunks.toReversed();
  return new MeasuredContent({ read: () => Promise.resolve(left.pop() ?? null) }, limit, { atEnd });
}

async function drain(body: ExactBody): Promise<Buffer> {
  return Buffer.concat((await body.toArray()) as Buffer[]);
}
