import { describe, expect, it } from '@jest/globals';
import { prefersAsync } from './prefer.js';

describe('a client that would rather not wait', () => {
  it.each([
    ['respond-async', true],
    ['Respond-Async', true],
    ['respond-async, wait=10', true],
    ['return=minimal,respond-async; x', true],
    ['wait=10', false],
    ['respond-asynchronously', false],
    ['return="respond-async"', false],
    [undefined, false],
  ])('says so by %j: %s', (prefer, expected) => {
    expect(prefersAsync({ prefer })).toBe(expected);
  });
});
