import { describe, expect, it } from '@jest/globals';
import { firstOf, type Leftovers, oldEnough } from './leftovers.js';

const at = (ms: number) => new Date(ms);
const found: Leftovers = {
  rows: [100, 200].map((since, id) => ({
    id,
    filename: 'x',
    objectKey: `f/${id}`,
    state: 'pending',
    uploadId: undefined,
    since: at(since),
  })),
  objects: [100, 200].map((time) => ({ key: `f/${time}`, sizeBytes: 1, etag: 'e', lastModified: at(time) })),
  uploads: [100, 200].map((time) => ({ key: `f/${time}`, uploadId: `u${time}`, startedAt: at(time) })),
};

describe('leftovers', () => {
  it('leaves out what may still become a file', () => {
    const { rows, objects, uploads } = oldEnough(found, 1_000, 900);
    expect([rows, objects, uploads].map((kind) => kind.length)).toEqual([1, 1, 1]);
    expect(rows[0]?.since).toEqual(at(100));
    expect(oldEnough(found, 1_000, 0).rows).toHaveLength(2);
    expect(oldEnough(found, 1_000, 901).uploads).toHaveLength(0);
  });

  it('says when a report does not show everything', () => {
    expect(firstOf(found, 1)).toMatchObject({ truncated: true, objects: [{ key: 'f/100' }] });
    expect(firstOf(found, 2)).toEqual({ ...found, truncated: false });
  });
});
