import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Some stored bytes; an object is one or many of them in a row. */
export interface Segment {
  readonly bodyId: string;
  readonly sizeBytes: number;
}

/** Keeps bytes for a double. A body exists only after `write` resolved. */
export interface BodyStore {
  write(source: AsyncIterable<Buffer>): Promise<Segment>;
  /** Bytes `start` to `end`, both inclusive. */
  read(segment: Segment, start: number, end: number): AsyncIterable<Buffer>;
  remove(segment: Segment): Promise<void>;
}

/** Bytes `start` to `end` (inclusive) of segments in a row. */
export function readSegments(
  bodies: BodyStore,
  segments: readonly Segment[],
  start: number,
  end: number,
): Readable {
  // A single segment is opened now: the reader then keeps its bytes when the object is overwritten meanwhile.
  if (segments.length === 1 && start <= end)
    return Readable.from(bodies.read(segments[0]!, start, end), { objectMode: false });
  async function* bytes() {
    let offset = 0;
    for (const segment of segments) {
      const first = Math.max(start - offset, 0);
      const last = Math.min(end - offset, segment.sizeBytes - 1);
      if (first <= last) yield* bodies.read(segment, first, last);
      offset += segment.sizeBytes;
    }
  }
  return Readable.from(bytes(), { objectMode: false });
}

/** What a store without atomic writes leaves when it dies: the beginning of a body. */
export async function tear(
  bodies: BodyStore,
  segment: Segment,
  keepBytes: number | undefined,
): Promise<Segment> {
  if (keepBytes === undefined || keepBytes >= segment.sizeBytes) return segment;
  const torn = await bodies.write(bodies.read(segment, 0, keepBytes - 1));
  await bodies.remove(segment);
  return torn;
}

export class MemoryBodies implements BodyStore {
  readonly #bodies = new Map<string, readonly Buffer[]>();

  async write(source: AsyncIterable<Buffer>): Promise<Segment> {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of source) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
    }
    const bodyId = randomUUID();
    this.#bodies.set(bodyId, chunks);
    return { bodyId, sizeBytes };
  }

  read(segment: Segment, start: number, end: number): AsyncIterable<Buffer> {
    return cut(this.#bodies.get(segment.bodyId) ?? [], start, end);
  }

  async remove(segment: Segment): Promise<void> {
    this.#bodies.delete(segment.bodyId);
  }
}

async function* cut(chunks: readonly Buffer[], start: number, end: number): AsyncGenerator<Buffer> {
  let offset = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(Math.max(start - offset, 0), Math.max(end + 1 - offset, 0));
    offset += chunk.length;
    if (part.length > 0) yield part;
  }
}

/** Keeps each body as a file, so that the bytes outlive the process. */
export class FolderBodies implements BodyStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(source: AsyncIterable<Buffer>): Promise<Segment> {
    await mkdir(this.#folder, { recursive: true });
    const bodyId = randomUUID();
    const unfinished = join(this.#folder, `${bodyId}.part`);
    let sizeBytes = 0;
    async function* counted() {
      for await (const chunk of source) {
        sizeBytes += chunk.length;
        yield chunk;
      }
    }
    try {
      await pipeline(counted(), createWriteStream(unfinished));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
    await rename(unfinished, join(this.#folder, bodyId));
    return { bodyId, sizeBytes };
  }

  read(segment: Segment, start: number, end: number): AsyncIterable<Buffer> {
    if (end < start) return cut([], start, end);
    return createReadStream(join(this.#folder, segment.bodyId), { start, end });
  }

  async remove(segment: Segment): Promise<void> {
    await rm(join(this.#folder, segment.bodyId), { force: true });
  }
}
