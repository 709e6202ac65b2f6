import { describe, expect, it } from '@jest/globals';
import { isWholeEnrolmentToken, newEnrolmentToken } from './enrolment-token.js';

describe('enrolment tokens', () => {
  const token = newEnrolmentToken();

  it('are whole when they are made, and each is another', () => {
    expect(token).toMatch(/^stw_enrol_[0-9A-Za-z]{36}$/);
    expect(isWholeEnrolmentToken(token)).toBe(true);
    expect(new Set(Array.from({ length: 1_000 }, newEnrolmentToken)).size).toBe(1_000);
  });

  it.each([
    ['cut off', token.slice(0, -1)],
    ['with a blank behind', `${token} `],
    ['with one character changed', token.slice(0, -8) + (token.at(-8) === 'a' ? 'b' : 'a') + token.slice(-7)],
    ['of another kind', token.replace('enrol', 'agent')],
    ['in capitals', token.toUpperCase()],
    ['of a megabyte', token.repeat(25_000)],
    ['empty', ''],
  ])('are not whole %s', (_, text) => {
    expect(isWholeEnrolmentToken(text)).toBe(false);
  });
});
