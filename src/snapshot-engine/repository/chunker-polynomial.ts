import { randomBytes } from 'node:crypto';

/** Degree of every polynomial that restic draws. */
export const POLYNOMIAL_DEGREE = 53;

/** restic stores it as hex digits without a prefix. */
const HEX = /^[0-9a-f]{14}$/;

/**
 * A random irreducible polynomial over GF(2), the coefficients as bits: what a rabin chunker of this repository
 * divides by. Random so that the sizes of chunks tell nothing about well-known files.
 */
export function createPolynomial(): bigint {
  for (;;) {
    const random = randomBytes(8).readBigUInt64LE() & ((1n << BigInt(POLYNOMIAL_DEGREE)) - 1n);
    // Without its lowest coefficient it would be divisible by x.
    const candidate = random | (1n << BigInt(POLYNOMIAL_DEGREE)) | 1n;
    if (isIrreducible(candidate)) return candidate;
  }
}

/** `undefined` unless it is an irreducible polynomial of the usual degree. */
export function parsePolynomial(hex: string): bigint | undefined {
  if (!HEX.test(hex)) return undefined;
  const polynomial = BigInt(`0x${hex}`);
  return degree(polynomial) === POLYNOMIAL_DEGREE && isIrreducible(polynomial) ? polynomial : undefined;
}

/**
 * Ben-Or's test: a reducible polynomial of degree n has an irreducible factor of some degree i <= n/2, and that
 * divides x^(2^i) - x.
 */
export function isIrreducible(polynomial: bigint): boolean {
  const n = degree(polynomial);
  if (n < 1) return false;
  let power = 2n;
  for (let i = 1; i <= n >> 1; i += 1) {
    power = remainder(square(power), polynomial);
    if (greatestCommonDivisor(polynomial, power ^ 2n) !== 1n) return false;
  }
  return true;
}

function degree(polynomial: bigint): number {
  return polynomial === 0n ? -1 : polynomial.toString(2).length - 1;
}

/** Over GF(2) squaring puts a zero between all coefficients. */
function square(polynomial: bigint): bigint {
  return BigInt(`0b${[...polynomial.toString(2)].join('0')}`);
}

function remainder(dividend: bigint, divisor: bigint): bigint {
  const divisorDegree = degree(divisor);
  let rest = dividend;
  for (let shift = degree(rest) - divisorDegree; shift >= 0; shift = degree(rest) - divisorDegree) {
    rest ^= divisor << BigInt(shift);
  }
  return rest;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [left, right] = [a, b];
  while (right !== 0n) [left, right] = [right, remainder(left, right)];
  return left;
}
