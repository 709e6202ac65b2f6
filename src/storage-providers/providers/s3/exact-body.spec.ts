import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { ExactBody, slicesOf } from './exact-body.js';

const exact = (source: Readable, sizeBytes: number, idleMs = 10_000) =>
  new ExactBody(source, { sizeBytes, idleMs, operation: 'put' });

describe('ExactBody', () => {
  it.each([
    [['abc', 'def'], 6],
    [[], 0],
    [['', 'a', ''], 1],
    [['ä'], 2],
  ])('passes %j as %i bytes', async (chunks, sizeBytes) => {
    const sent = await buffer(exact(Readable.from(chunks, { objectMode: false }), sizeBytes));
    expect(sent.toString()).toBe(chunks.join(''));
  });

  it.each([
    ['shorter', ['abc'], 4],
    ['longer', ['abc', 'd'], 3],
    ['longer in one piece', ['abcd'], 3],
    ['not empty', ['a'], 0],
    ['empty', [], 1],
  ])('fails with integrity when the source is %s', async (_how, chunks, sizeBytes) => {
    const source = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
    await expect(buffer(exact(source, sizeBytes))).rejects.toMatchObject({
      code: 'integrity',
      retryable: false,
    });
    expect(source.destroyed).toBe(true);
  });

  it('keeps the last bytes back until the source has ended', async () => {
    const source = new PassThrough();
    const sent: string[] = [];
    const body = exact(source, 4).on('data', (chunk: Buffer) => sent.push(chunk.toString()));
    source.write('ab');
    source.write('cd');
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toEqual(['ab']);
    source.end();
    await once(body, 'end');
    expect(sent).toEqual(['ab', 'cd']);
  });

  it("says 'aborted' when the source breaks, and ends the source when it is ended itself", async () => {
    const broken = new PassThrough();
    const failing = buffer(exact(broken, 4));
    broken.destroy(new Error('client went away'));
    await expect(failing).rejects.toMatchObject({ code: 'aborted' });

    const closed = new PassThrough();
    closed.destroy();
    await expect(buffer(exact(closed, 4))).rejects.toMatchObject({ code: 'aborted' });

    const abandoned = new PassThrough();
    exact(abandoned, 4).destroy();
    await once(abandoned, 'close');
    expect(abandoned.destroyed).toBe(true);
  });

  it('gives up on a source that falls silent, but not while nobody reads', async () => {
    const silent = exact(new PassThrough(), 4, 20);
    await expect(buffer(silent)).rejects.toThrow(/paused for more than 20 ms/);

    const unread = exact(Readable.from([Buffer.from('abcd')]), 4, 5);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect((await buffer(unread)).toString()).toBe('abcd');
  });

  it('lets others have their turn when the source is always ready', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    async function* eager() {
      for (;;) yield chunk;
    }
    const source = Readable.from(eager(), { objectMode: false });
    const body = exact(source, 1024 ** 3);
    let passedBytes = 0;
    body.on('data', (piece: Buffer) => (passedBytes += piece.length));
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(passedBytes).toBeGreaterThan(0);
    expect(passedBytes).toBeLessThan(8 * 1024 ** 2);
    body.destroy();
  });

  it('does not read far ahead of its reader', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    let produced = 0;
    const source = new Readable({
      read() {
        produced += chunk.length;
        this.push(chunk);
      },
    });
    const body = exact(source, 1024 ** 3);
    body.read(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(produced).toBeLessThan(1024 ** 2);
    body.destroy();
  });
});

describe('slicesOf', () => {
  it('cuts without copying', () => {
    const whole = Buffer.from('abcdefg');
    const slices = [...slicesOf(whole, 3)];
    expect(slices.map(String)).toEqual(['abc', 'def', 'g']);
    expect(slices.every((slice) => slice.buffer === whole.buffer)).toBe(true);
  });
});
