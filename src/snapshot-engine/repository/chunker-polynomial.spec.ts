import { describe, expect, it } from '@jest/globals';
import { createPolynomial, isIrreducible, parsePolynomial, POLYNOMIAL_DEGREE } from './chunker-polynomial.js';

describe('chunker polynomials', () => {
  // The number of irreducible polynomials of each degree, OEIS A001037.
  it.each([
    [1, 2],
    [2, 1],
    [3, 2],
    [4, 3],
    [5, 6],
    [6, 9],
    [7, 18],
    [8, 30],
    [9, 56],
    [10, 99],
  ])('are told from products: of degree %i there are %i', (degree, count) => {
    const all = Array.from({ length: 2 ** degree }, (_, low) => BigInt(2 ** degree + low));
    expect(all.filter(isIrreducible)).toHaveLength(count);
  });

  it('are drawn irreducible, of degree 53, and different', () => {
    const drawn = Array.from({ length: 20 }, createPolynomial);
    for (const polynomial of drawn) {
      expect(polynomial.toString(2)).toHaveLength(POLYNOMIAL_DEGREE + 1);
      expect(parsePolynomial(polynomial.toString(16))).toBe(polynomial);
    }
    expect(new Set(drawn).size).toBe(20);
  });

  it('are read as restic writes them', () => {
    // The one of restic's own tests.
    expect(parsePolynomial('3da3358b4dc173')).toBe(0x3da3358b4dc173n);
    for (const wrong of [
      '',
      '0',
      '3da3358b4dc172',
      '3da3358b4dc1',
      '3da3358b4dc17355',
      '0x3da3358b4dc173',
      'x',
    ])
      expect(parsePolynomial(wrong)).toBeUndefined();
    // x^53 + x + 1 = (x^2 + x + 1) * ...
    expect(parsePolynomial('20000000000003')).toBeUndefined();
  });
});
