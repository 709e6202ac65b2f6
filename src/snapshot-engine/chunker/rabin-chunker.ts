import { MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, type Chunker } from './chunker.js';
import { degreeOf, POLYNOMIAL_DEGREE, remainder, type Polynomial } from './polynomial.js';

const WINDOW_BYTES = 64;
/** The lowest 20 bits of a fingerprint must be zero: a cut about every MiB. */
const MASK = 0xfffff;
/** A fingerprint has 53 bits: a low half of 32 and a high one of 21, of which the highest byte is reduced next. */
const HIGH_BYTE_SHIFT = POLYNOMIAL_DEGREE - 32 - 8;

/**
 * Cuts where restic cuts for the same polynomial: where the Rabin fingerprint of the last 64 bytes ends in 20 zero
 * bits, from 512 KiB on (github.com/restic/chunker). Fingerprints in two halves of 32 bits; about 400 MB/s.
 */
export class RabinChunker implements Chunker {
  readonly kind = 'rabin';

  readonly #tables: Tables;

  constructor(polynomial: Polynomial) {
    if (degreeOf(polynomial) !== POLYNOMIAL_DEGREE) {
      throw new TypeError(`A chunker's polynomial has the degree ${POLYNOMIAL_DEGREE}.`);
    }
    this.#tables = tablesOf(polynomial);
  }

  nextCut(data: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + MAX_CHUNK_BYTES);
    if (limit - start <= MIN_CHUNK_BYTES) return limit;
    useTables(this.#tables);
    return scan(data, start + MIN_CHUNK_BYTES, limit);
  }
}

/** By byte, low and high halves apart. */
interface Tables {
  /** What a byte that is shifted out at the top adds modulo the polynomial, and its own bits, which it removes. */
  readonly topLow: Int32Array;
  readonly topHigh: Int32Array;
  /** What a byte adds that leaves the window. */
  readonly outLow: Int32Array;
  readonly outHigh: Int32Array;
}

function tablesOf(polynomial: Polynomial): Tables {
  const top = (byte: number) => {
    const shifted = BigInt(byte) << BigInt(POLYNOMIAL_DEGREE);
    return shifted ^ remainder(shifted, polynomial);
  };
  const out = (byte: number) => remainder(BigInt(byte) << BigInt(8 * WINDOW_BYTES), polynomial);
  const low = (value: bigint) => Number(BigInt.asIntN(32, value));
  const high = (value: bigint) => Number(value >> 32n);
  const table = (entry: (byte: number) => number) =>
    Int32Array.from({ length: 256 }, (_, byte) => entry(byte));
  return {
    topLow: table((byte) => low(top(byte))),
    topHigh: table((byte) => high(top(byte))),
    outLow: table((byte) => low(out(byte))),
    outHigh: table((byte) => high(out(byte))),
  };
}

/**
 * The tables in use. Constants of the module and no fields, because V8 knows where a constant array lies and how long
 * it is: that is worth half of the time, and changing them costs as much as a few KiB of data.
 */
const topLow = new Int32Array(256);
const topHigh = new Int32Array(256);
const outLow = new Int32Array(256);
const outHigh = new Int32Array(256);
let tablesInUse: Tables | undefined;

function useTables(tables: Tables): void {
  if (tablesInUse === tables) return;
  topLow.set(tables.topLow);
  topHigh.set(tables.topHigh);
  outLow.set(tables.outLow);
  outHigh.set(tables.outHigh);
  tablesInUse = tables;
}

/** The first position from `from` on where the 64 bytes before it end a chunk, at most `limit`. */
function scan(data: Uint8Array, from: number, limit: number): number {
  let low = 0;
  let high = 0;
  for (let i = from - WINDOW_BYTES; i < from; i++) {
    const top = high >>> HIGH_BYTE_SHIFT;
    high = ((high << 8) | (low >>> 24)) ^ topHigh[top]!;
    low = ((low << 8) | data[i]!) ^ topLow[top]!;
  }
  if ((low & MASK) === 0) return from;
  // Two bytes a turn; the same again and not a function, which would have to answer two halves.
  for (let at = from; at < limit - 1; at += 2) {
    let out = data[at - WINDOW_BYTES]!;
    let top = high >>> HIGH_BYTE_SHIFT;
    high = ((high << 8) | (low >>> 24)) ^ topHigh[top]! ^ outHigh[out]!;
    low = ((low << 8) | data[at]!) ^ topLow[top]! ^ outLow[out]!;
    if ((low & MASK) === 0) return at + 1;
    out = data[at + 1 - WINDOW_BYTES]!;
    top = high >>> HIGH_BYTE_SHIFT;
    high = ((high << 8) | (low >>> 24)) ^ topHigh[top]! ^ outHigh[out]!;
    low = ((low << 8) | data[at + 1]!) ^ topLow[top]! ^ outLow[out]!;
    if ((low & MASK) === 0) return at + 2;
  }
  return limit;
}
