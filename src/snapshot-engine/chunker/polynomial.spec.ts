import { describe, expect, it } from '@jest/globals';
import { createPolynomial, degreeOf, isIrreducible, parsePolynomial, remainder } from './polynomial.js';

/** All of a degree that are no product of two others, by trying all products. */
function irreducibleByTrial(maxDegree: number): Set<bigint> {
  const end = 2n ** BigInt(maxDegree + 1);
  const found = new Set<bigint>();
  for (let candidate = 2n; candidate < end; candidate++) {
    const divisors = [...found].filter((divisor) => 2 * degreeOf(divisor) <= degreeOf(candidate));
    if (divisors.every((divisor) => remainder(candidate, divisor) !== 0n)) found.add(candidate);
  }
  return found;
}

describe('polynomials', () => {
  it('are irreducible exactly when no smaller one divides them', () => {
    const irreducible = irreducibleByTrial(10);
    // 2 of degree 1, then 1, 2, 3, 6, 9, 18, 30, 56 and 99 (OEIS A001037).
    expect(irreducible.size).toBe(226);
    for (let polynomial = 0n; polynomial < 2n ** 11n; polynomial++) {
      expect([polynomial, isIrreducible(polynomial)]).toEqual([polynomial, irreducible.has(polynomial)]);
    }
  });

  it('of restic are taken', () => {
    expect(parsePolynomial('3da3358b4dc173')).toBe(0x3da3358b4dc173n);
  });

  it('are random, irreducible and of degree 53', () => {
    const drawn = Array.from({ length: 5 }, () => createPolynomial());
    expect(new Set(drawn).size).toBe(5);
    for (const polynomial of drawn) {
      expect(degreeOf(polynomial)).toBe(53);
      expect(parsePolynomial(polynomial.toString(16))).toBe(polynomial);
    }
  });

  it('do not come from a broken source of random numbers', () => {
    expect(() => createPolynomial((sizeBytes) => new Uint8Array(sizeBytes))).toThrow('not random');
  });

  it.each([
    ['a product', '3da3358b4dc172'],
    ['a square', '20000000000001'],
    ['a smaller degree', '7'],
    ['a larger degree', '7da3358b4dc173'],
    ['upper case', '3DA3358B4DC173'],
    ['a prefix', '0x3da3358b4dc173'],
    ['nothing', ''],
    ['far too much', 'f'.repeat(10_000)],
  ])('are refused when they are %s', (_, hex) => {
    expect(parsePolynomial(hex)).toBeUndefined();
  });
});
