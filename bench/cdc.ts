import { hash } from 'node:crypto';
import { cpus } from 'node:os';
import type { Chunker, ChunkerKind } from '../src/snapshot-engine/chunker/chunker.ts';
import { createChunker } from '../src/snapshot-engine/chunker/create-chunker.ts';
import { noise } from '../test/support/noise.ts';

/* Speed, sizes and deduplication of content-defined chunking. See bench/README.md. */

const MIB = 1_024 * 1_024;
const DATA_BYTES = 256 * MIB;
const ROUNDS = 5;
/** Places where the edited copy differs: bytes put in, taken away, or overwritten. */
const EDITS = 24;
const KINDS: readonly ChunkerKind[] = ['gear', 'rabin'];
const KEYS = { secret: noise(32, 'bench'), polynomial: 0x3da3358b4dc173n };

const shapes: ReadonlyArray<readonly [name: string, data: Uint8Array]> = [
  ['random', noise(DATA_BYTES, 'cdc')],
  ['log text', logText(DATA_BYTES)],
  ['zeros', new Uint8Array(DATA_BYTES)],
];

console.log(`# Content-defined chunking: ${cpus()[0]?.model}, Node ${process.version}`);
console.log(`${DATA_BYTES / MIB} MiB of each, best of ${ROUNDS} rounds, CPU time of one thread\n`);
console.log(
  '| kind | data | MB/s | chunks | mean KiB | p10 | median | p90 | at minimum | at maximum | new after edits |',
);
console.log('|--|--|--|--|--|--|--|--|--|--|--|');
for (const [name, data] of shapes) {
  const edited = edit(data);
  for (const kind of KINDS) {
    const chunker = createChunker(kind, KEYS);
    console.log(
      row(kind, name, fastest(chunker, data), lengthsOf(chunker, data), newBytes(chunker, data, edited)),
    );
  }
}

function row(
  kind: string,
  name: string,
  bytesPerSecond: number,
  lengths: readonly number[],
  added: number,
): string {
  const sorted = lengths.toSorted((a, b) => a - b);
  const kib = (bytes: number) => Math.round(bytes / 1_024);
  const at = (part: number) => kib(sorted[Math.floor(part * (sorted.length - 1))]!);
  const exactly = (bytes: number) => lengths.filter((length) => length === bytes).length;
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  // Where every chunk ends at the minimum nothing is scanned, and a speed says nothing.
  const speed = bytesPerSecond > 1e10 ? 'all skipped' : Math.round(bytesPerSecond / 1e6);
  const cells = [
    kind, name, speed, lengths.length, kib(mean), at(0.1), at(0.5), at(0.9),
    exactly(MIB / 2), exactly(8 * MIB), `${(added / MIB).toFixed(1)} MiB for ${EDITS} edits`,
  ]; // prettier-ignore
  return `| ${cells.join(' | ')} |`;
}

function fastest(chunker: Chunker, data: Uint8Array): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    lengthsOf(chunker, data);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return data.length / best;
}

function lengthsOf(chunker: Chunker, data: Uint8Array): number[] {
  const lengths: number[] = [];
  for (let start = 0; start < data.length;) {
    const cut = chunker.nextCut(data, start, data.length);
    lengths.push(cut - start);
    start = cut;
  }
  return lengths;
}

/** Bytes of chunks of the edited copy that the original does not have. */
function newBytes(chunker: Chunker, data: Uint8Array, edited: Uint8Array): number {
  const known = new Set(chunksOf(chunker, data).map(({ id }) => id));
  return chunksOf(chunker, edited).reduce((sum, { id, length }) => (known.has(id) ? sum : sum + length), 0);
}

function chunksOf(chunker: Chunker, data: Uint8Array): { id: string; length: number }[] {
  let start = 0;
  return lengthsOf(chunker, data).map((length) => {
    const id = hash('sha256', data.subarray(start, start + length));
    start += length;
    return { id, length };
  });
}

function edit(data: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  const step = Math.floor(data.length / EDITS);
  for (let number = 0; number < EDITS; number++) {
    const [start, end] = [number * step, number === EDITS - 1 ? data.length : (number + 1) * step];
    const put = noise(number % 3 === 1 ? 0 : 1 + number * 37, `edit ${number}`);
    const removed = number % 3 === 0 ? 0 : number % 3 === 1 ? 100 : put.length;
    pieces.push(put, data.subarray(start + removed, end));
  }
  return Buffer.concat(pieces);
}

function logText(sizeBytes: number): Uint8Array {
  const lines: string[] = [];
  for (let length = 0, number = 0; length < 8 * MIB; number++) {
    const line = `${new Date(number * 1_000).toISOString()} GET /api/files/${(number * 7919) % 10_007} 200 ${(number * 31) % 997}ms\n`;
    lines.push(line);
    length += line.length;
  }
  const text = Buffer.from(lines.join(''));
  const copies: Buffer[] = [];
  for (let length = 0, number = 0; length < sizeBytes; number++) {
    const marked = Buffer.concat([Buffer.from(`rotated ${number}\n`), text]);
    copies.push(marked);
    length += marked.length;
  }
  return Buffer.concat(copies).subarray(0, sizeBytes);
}
