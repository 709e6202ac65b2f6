import { describe, expect, it } from '@jest/globals';
import { assertPlainObject } from './plain-input.js';

const nested = (depth: number): unknown => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);

describe('a JSON body', () => {
  it.each([null, [], 'x', 1, true])('must be an object, not %j', (body) => {
    expect(() => assertPlainObject(body)).toThrow('must be a JSON object');
  });

  it('may be nested as deep as any request needs, but not as deep as a stack', () => {
    expect(() => assertPlainObject(nested(32))).not.toThrow();
    expect(() => assertPlainObject(nested(33))).toThrow('nested deeper');
    expect(() => assertPlainObject(nested(10_000))).toThrow('nested deeper');
  });

  it('may not have more values than any request has', () => {
    expect(() => assertPlainObject({ list: Array(10_000).fill(0) })).not.toThrow();
    expect(() => assertPlainObject({ list: Array(20_001).fill(0) })).toThrow('more than 20000 values');
  });

  it.each([{ a: 'x\0y' }, { 'x\0y': 1 }, { a: ['\ud800'] }, { a: { b: 'x\udfff' } }])(
    'has no text that cannot be stored: %j',
    (body) => {
      expect(() => assertPlainObject(body)).toThrow('NUL character or an unpaired surrogate');
    },
  );

  it('may have any other text', () => {
    expect(() => assertPlainObject({ a: '👩‍💻\u202e\u0001\uffff', '': '' })).not.toThrow();
  });
});
