import { randomBytes } from 'node:crypto';

/**
 * Polynomials over GF(2), bit i standing for x^i. A repository has a random irreducible one of degree 53; Rabin
 * fingerprints modulo it decide where files are cut, so that nobody who does not know it can foretell chunk sizes.
 */
export type Polynomial = bigint;

export const POLYNOMIAL_DEGREE = 53;

const HEX = /^[0-9a-f]{1,16}$/;
/** About every 27th candidate is irreducible; so many in vain mean a broken source of random numbers. */
const MAX_TRIES = 10_000;

/** A random irreducible polynomial of degree 53. */
export function createPolynomial(random: (sizeBytes: number) => Uint8Array = randomBytes): Polynomial {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const bits = BigInt(`0x${Buffer.from(random(8)).toString('hex')}`);
    // Degree 53, and not divisible by x.
    const candidate = (bits & (2n ** 53n - 1n)) | (2n ** 53n) | 1n;
    if (isIrreducible(candidate)) return candidate;
  }
  throw new Error('No irreducible polynomial was found: the random numbers are not random.');
}

/** Of a repository's config: hex digits without a prefix. `undefined` for what restic would not open either. */
export function parsePolynomial(hex: string): Polynomial | undefined {
  const polynomial = HEX.test(hex) ? BigInt(`0x${hex}`) : 0n;
  return degreeOf(polynomial) === POLYNOMIAL_DEGREE && isIrreducible(polynomial) ? polynomial : undefined;
}

/**
 * Ben-Or's test: a polynomial of degree n has a factor of degree i <= n/2 exactly if it shares one with x^(2^i) - x,
 * the product of all irreducible polynomials whose degree divides i.
 */
export function isIrreducible(polynomial: Polynomial): boolean {
  const degree = degreeOf(polynomial);
  if (degree < 1) return false;
  const x = 2n;
  let power = remainder(x, polynomial);
  for (let i = 1; i <= Math.floor(degree / 2); i++) {
    power = remainder(square(power), polynomial);
    if (greatestCommonDivisor(polynomial, power ^ x) !== 1n) return false;
  }
  return true;
}

/** -1 of the zero polynomial. */
export function degreeOf(polynomial: Polynomial): number {
  return polynomial === 0n ? -1 : polynomial.toString(2).length - 1;
}

export function remainder(dividend: Polynomial, divisor: Polynomial): Polynomial {
  const degree = degreeOf(divisor);
  let rest = dividend;
  for (let shift = degreeOf(rest) - degree; shift >= 0; shift = degreeOf(rest) - degree) {
    rest ^= divisor << BigInt(shift);
  }
  return rest;
}

function greatestCommonDivisor(a: Polynomial, b: Polynomial): Polynomial {
  let [larger, smaller] = [a, b];
  while (smaller !== 0n) [larger, smaller] = [smaller, remainder(larger, smaller)];
  return larger;
}

/** Over GF(2) a square only spreads the bits: (a + b)^2 = a^2 + b^2. */
function square(polynomial: Polynomial): Polynomial {
  let spread = 0n;
  for (let rest = polynomial, bit = 1n; rest !== 0n; rest >>= 1n, bit <<= 2n) {
    if ((rest & 1n) === 1n) spread |= bit;
  }
  return spread;
}
