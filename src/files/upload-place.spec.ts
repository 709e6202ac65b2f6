import { describe, expect, it } from '@jest/globals';
import { placeOfQuery, placeWithField } from './upload-place.js';

describe('the place of an upload', () => {
  it.each([
    ['/x', {}],
    ['/x?filename=a', {}],
    ['/x?folder=', { folder: '' }],
    [
      '/x?folder=a%20b/%C3%BC&tags=q3,a&tags=b&overwrite=true',
      { folder: 'a b/ü/', tags: ['a', 'b', 'q3'], overwrite: true },
    ],
    ['/x?overwrite=false', { overwrite: false }],
    ['/x?tags=', { tags: [] }],
  ])('is read from %s', (url, place) => {
    expect(placeOfQuery(url)).toEqual(place);
  });

  it.each([
    ['/x?folder=a&folder=b', 'invalid_folder'],
    ['/x?folder=%FF', 'invalid_folder'],
    ['/x?folder=../a', 'invalid_folder'],
    ['/x?tags=%FF', 'invalid_tags'],
    [`/x?tags=${'x'.repeat(65)}`, 'invalid_tags'],
    ['/x?overwrite=1', 'validation_failed'],
  ])('refuses %s', (url, code) => {
    expect(() => placeOfQuery(url)).toThrow(expect.objectContaining({ code }));
  });

  it('is what a field of the form says, where there is one', () => {
    const place = { folder: 'a/', tags: ['x'] };
    expect(placeWithField(place, 'folder', '/b')).toEqual({ folder: 'b/', tags: ['x'] });
    expect(placeWithField(place, 'tags', 'z, y')).toEqual({ folder: 'a/', tags: ['y', 'z'] });
    expect(placeWithField(place, 'overwrite', 'true')).toEqual({ ...place, overwrite: true });
    expect(() => placeWithField(place, 'overwrite', 'yes')).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    );
  });
});
