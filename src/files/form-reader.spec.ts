import { describe, expect, it } from '@jest/globals';
import { FormReader } from './form-reader.js';
import type { ByteSource } from './request-bytes.js';
import { FORM_LIMITS } from './upload-limits.js';

const BOUNDARY = 'x-boundary-7';

interface ReadPart {
  name: string;
  filename: string | undefined;
  contentType: string | undefined;
  content: string;
}

describe('FormReader', () => {
  const twoParts = form(
    ['Content-Disposition: form-data; name="note"', 'hello'],
    [
      'Content-Disposition: form-data; name="file"; filename="ä.bin"\r\nContent-Type: image/png',
      '\r\n--x-bound\r\n-',
    ],
  );

  it('reads the same parts wherever the body is split', async () => {
    const expected = await readAll([twoParts]);
    expect(expected.map((part) => part.content)).toEqual(['hello', '\r\n--x-bound\r\n-']);
    expect(expected[1]).toMatchObject({ name: 'file', filename: 'ä.bin', contentType: 'image/png' });
    for (let at = 1; at < twoParts.length; at++) {
      expect(await readAll([twoParts.subarray(0, at), twoParts.subarray(at)])).toEqual(expected);
    }
  });

  it('reads a body that comes one byte at a time', async () => {
    const bytes = Array.from(twoParts, (_, at) => twoParts.subarray(at, at + 1));
    expect(await readAll(bytes)).toEqual(await readAll([twoParts]));
  });

  it.each([
    ['empty content', ''],
    ['a lone line break', '\r\n'],
    ['the begin of a delimiter at its end', `\r\n--${BOUNDARY.slice(0, -1)}`],
    ['carriage returns at its end', '\r\r\r\r'],
    ['dashes', '--'],
    ['the boundary without a line break before it', `a--${BOUNDARY}--b`],
  ])('keeps %s', async (_, content) => {
    const body = form(['Content-Disposition: form-data; name="file"; filename="x"', content]);
    for (let at = 1; at < body.length; at++) {
      const [part] = await readAll([body.subarray(0, at), body.subarray(at)]);
      expect(part?.content).toBe(content);
    }
  });

  it('knows the length of the last part before it is read', async () => {
    const content = 'z'.repeat(1000);
    const body = form(['Content-Disposition: form-data; name="file"; filename="x"', content]);
    const reader = new FormReader(source([body.subarray(0, 150), body.subarray(150)]), BOUNDARY);
    await reader.nextPart();
    expect(body.length - reader.consumedBytes - reader.usualTailBytes).toBe(content.length);
  });

  it('reads a form without parts, with a preamble, padding and an epilogue', async () => {
    expect(await readAll([Buffer.from(`--${BOUNDARY}--\r\n`)])).toEqual([]);
    const head = 'Content-Disposition: form-data; name="a"';
    const body = `preamble\r\n--${BOUNDARY} \t\r\n${head}\r\n\r\n1\r\n--${BOUNDARY}--\r\nepilogue`;
    expect(await readAll([Buffer.from(body)])).toMatchObject([{ name: 'a', content: '1' }]);
  });

  it('accepts a last boundary without a line break', async () => {
    const body = twoParts.subarray(0, -2);
    expect(await readAll([body])).toHaveLength(2);
  });

  const head = 'Content-Disposition: form-data; name="a"\r\n\r\n';
  it.each([
    ['an empty body', ''],
    ['a body without the boundary', 'x'.repeat(200)],
    ['a missing closing boundary', `--${BOUNDARY}\r\n${head}data`],
    ['a closing boundary cut short', `--${BOUNDARY}\r\n${head}data\r\n--${BOUNDARY}-`],
    ['a body that ends within a head', `--${BOUNDARY}\r\nContent-Disp`],
    ['a part without a head', `--${BOUNDARY}\r\n\r\ndata\r\n--${BOUNDARY}--`],
    [
      'content that continues the boundary',
      `--${BOUNDARY}\r\n${head}a\r\n--${BOUNDARY}8\r\n\r\nb\r\n--${BOUNDARY}--`,
    ],
    [
      'a boundary line that goes on for ever',
      `--${BOUNDARY}${' '.repeat(5000)}\r\n${head}1\r\n--${BOUNDARY}--`,
    ],
    ['a long preamble', `${'p'.repeat(5000)}\r\n--${BOUNDARY}\r\n${head}1\r\n--${BOUNDARY}--`],
    ['a long epilogue', `--${BOUNDARY}\r\n${head}1\r\n--${BOUNDARY}--${'e'.repeat(5000)}`],
    [
      'a head that is too long',
      `--${BOUNDARY}\r\nX-Y: ${'h'.repeat(FORM_LIMITS.partHeaderBytes)}\r\n${head}1`,
    ],
    [
      'line feeds without carriage returns',
      `--${BOUNDARY}\n${head.replaceAll('\r', '')}1\n--${BOUNDARY}--\n`,
    ],
  ])('refuses %s', async (_, body) => {
    const bytes = Buffer.from(body);
    await expect(readAll([bytes])).rejects.toMatchObject({ code: 'invalid_form' });
    await expect(readAll(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).rejects.toMatchObject({
      code: 'invalid_form',
    });
  });

  it('passes on a failure of the source', async () => {
    const failing: ByteSource = { next: () => Promise.reject(new Error('gone')) };
    await expect(new FormReader(failing, BOUNDARY).nextPart()).rejects.toThrow('gone');
  });
});

function form(...parts: readonly (readonly [head: string, content: string])[]): Buffer {
  const text = parts.map(([head, content]) => `--${BOUNDARY}\r\n${head}\r\n\r\n${content}\r\n`).join('');
  return Buffer.from(`${text}--${BOUNDARY}--\r\n`);
}

function source(chunks: readonly Buffer[]): ByteSource {
  const left = chunks.filter((chunk) => chunk.length > 0).toReversed();
  return { next: () => Promise.resolve(left.pop() ?? null) };
}

async function readAll(chunks: readonly Buffer[]): Promise<ReadPart[]> {
  const reader = new FormReader(source(chunks), BOUNDARY);
  const parts: ReadPart[] = [];
  for (let part = await reader.nextPart(); part !== null; part = await reader.nextPart()) {
    const pieces: Buffer[] = [];
    for (let piece = await reader.read(); piece !== null; piece = await reader.read()) pieces.push(piece);
    const { name, filename, contentType } = part;
    parts.push({ name, filename, contentType, content: Buffer.concat(pieces).toString() });
  }
  return parts;
}
