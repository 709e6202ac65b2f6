import { describe, expect, it } from '@jest/globals';
import { endOfPrefix, FILE_SORTS, fileListing, type FileListing } from './file-listing.js';

const shape = { name: 'v1', columns: ['id', 'filename'] };
const listing: FileListing = { userId: 7, sort: 'id', order: 'desc', limit: 50 };

describe('fileListing', () => {
  it('keeps every value out of the text', () => {
    const { statement, values } = fileListing(
      {
        ...listing,
        sort: 'filename',
        filenamePrefix: "x'--",
        filenameContains: '%_',
        provider: 'aws_s3',
        uploadedAfter: '2026-01-01T00:00:00.000Z',
        uploadedBefore: '2026-02-01T00:00:00.000Z',
        after: { id: 12, value: "o'hara" },
      },
      shape,
    );
    expect(values).toEqual([
      7,
      50,
      "x'--%",
      '%\\%\\_%',
      'aws_s3',
      expect.any(String),
      expect.any(String),
      "o'hara",
      12,
    ]);
    for (const value of ["x'--", '%_', 'aws_s3', "o'hara"]) expect(statement.text).not.toContain(value);
    expect(statement.name).toBe('');
  });

  it.each([
    { filenamePrefix: 'a' },
    { filenameContains: 'a' },
    { provider: 'aws_s3' },
    { uploadedAfter: '2026-01-01T00:00:00.000Z' },
    { uploadedBefore: '2026-01-01T00:00:00.000Z' },
    { folder: 'a/' },
    { tags: ['a'] },
    { minSizeBytes: 1 },
    { maxSizeBytes: 1 },
    { checksum: 'a' },
    { contentType: 'a/b' },
  ])('is planned anew for the values of %j', (filter) => {
    expect(fileListing({ ...listing, ...filter }, shape).statement.name).toBe('');
  });

  it('names two statements alike only when their texts are alike', () => {
    const texts = new Map<string, string>();
    const given = [undefined, true, false];
    const filters = given.flatMap((isProtected) =>
      given.map((missing) => ({ protected: isProtected, missing })),
    );
    for (const sort of FILE_SORTS) {
      for (const order of ['asc', 'desc'] as const) {
        for (const filter of filters) {
          for (const after of [undefined, { id: 1, value: 'v' }]) {
            const { statement } = fileListing({ ...listing, sort, order, after, ...filter }, shape);
            expect(texts.get(statement.name) ?? statement.text).toBe(statement.text);
            expect(statement.name.length).toBeLessThanOrEqual(63);
            texts.set(statement.name, statement.text);
          }
        }
      }
    }
    expect(texts.size).toBe(FILE_SORTS.length * 2 * 9 * 2);
  });
});

describe('endOfPrefix', () => {
  it.each([
    ['a', 'b'],
    ['q3-', 'q3.'],
    ['a\u{10ffff}', 'b'],
    ['\ud7ff', '\ue000'],
    ['😀', '😁'],
    ['\u{10ffff}', undefined],
  ])('comes after all names that begin with %j', (prefix, expected) => {
    expect(endOfPrefix(prefix)).toBe(expected);
  });
});
