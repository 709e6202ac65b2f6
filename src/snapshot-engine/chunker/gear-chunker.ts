import { hkdfSync } from 'node:crypto';
import { MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, type Chunker } from './chunker.js';

/** Cuts are rare before so many bytes and frequent after, so that most chunks are about as long. */
const NORMAL_CHUNK_BYTES = 1_024 * 1_024;
/** Each byte's part has left a 32-bit sum after so many doublings. */
const WINDOW_BYTES = 32;
/** One position in 2^22, and in 2^18. Bit 31 stays out: half of the tests look at the sum doubled. */
const RARE = 0x7ffffe00;
const FREQUENT = 0x7fffe000;
/** Another key, another purpose: the table must not betray what else is derived from the secret. */
const TABLE_PURPOSE = 'stowage gear chunker 1';
const SECRET_BYTES = 32;

/**
 * Gear hashing with a normalised length (Xia et al., "The Design of Fast Content-Defined Chunking", TPDS 2020): a sum
 * that is doubled with each byte, whose part comes from a table. The table is the repository's own, so that the lengths
 * of its chunks do not tell known files. About 2 GB/s.
 */
export class GearChunker implements Chunker {
  readonly kind = 'gear';

  readonly #table: Int32Array;

  /** `secret`: 32 bytes that only the holders of a key to the repository know. */
  constructor(secret: Uint8Array) {
    if (secret.length !== SECRET_BYTES) throw new TypeError(`A chunker's secret has ${SECRET_BYTES} bytes.`);
    this.#table = tableOf(secret);
  }

  nextCut(data: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + MAX_CHUNK_BYTES);
    if (limit - start <= MIN_CHUNK_BYTES) return limit;
    const from = start + MIN_CHUNK_BYTES;
    const normal = Math.min(limit, start + NORMAL_CHUNK_BYTES);
    useTable(this.#table);
    const cut = scan(data, from, normal, RARE);
    return cut < normal ? cut : scan(data, normal, limit, FREQUENT);
  }
}

/**
 * The table in use, and each of its parts doubled. Constants of the module and no fields, because V8 knows where a
 * constant array lies and how long it is: that doubles the speed, and changing tables costs as much as 2 KiB of data.
 */
const parts = new Int32Array(256);
const doubled = new Int32Array(256);
let tableInUse: Int32Array | undefined;

function useTable(table: Int32Array): void {
  if (tableInUse === table) return;
  for (let byte = 0; byte < 256; byte++) {
    parts[byte] = table[byte]!;
    doubled[byte] = table[byte]! << 1;
  }
  tableInUse = table;
}

/** The first position from `from` on, but before `end`, whose sum has no bit of `mask`; `end` when there is none. */
function scan(data: Uint8Array, from: number, end: number, mask: number): number {
  const maskDoubled = mask << 1;
  let sum = sumBefore(data, from);
  if ((sum & mask) === 0) return from;
  let at = from;
  // Two bytes a shift: the sum in between is tested doubled. Four a turn, because tests of the end cost as much.
  for (; at < end - 3; at += 4) {
    sum = ((sum << 2) + doubled[data[at]!]!) | 0;
    if ((sum & maskDoubled) === 0) return at + 1;
    sum = (sum + parts[data[at + 1]!]!) | 0;
    if ((sum & mask) === 0) return at + 2;
    sum = ((sum << 2) + doubled[data[at + 2]!]!) | 0;
    if ((sum & maskDoubled) === 0) return at + 3;
    sum = (sum + parts[data[at + 3]!]!) | 0;
    if ((sum & mask) === 0) return at + 4;
  }
  return scanSlowly(data, at, end, mask);
}

/** For the last three bytes. Within `scan` this loop would take half of its speed. */
function scanSlowly(data: Uint8Array, from: number, end: number, mask: number): number {
  for (let at = from; at < end; at++) {
    if ((sumBefore(data, at) & mask) === 0) return at;
  }
  return end;
}

function sumBefore(data: Uint8Array, end: number): number {
  let sum = 0;
  for (let at = end - WINDOW_BYTES; at < end; at++) sum = ((sum << 1) + parts[data[at]!]!) | 0;
  return sum;
}

function tableOf(secret: Uint8Array): Int32Array {
  const bytes = new DataView(hkdfSync('sha256', secret, '', TABLE_PURPOSE, 256 * 4));
  // The same on machines of either byte order.
  return Int32Array.from({ length: 256 }, (_, byte) => bytes.getInt32(byte * 4, true));
}
