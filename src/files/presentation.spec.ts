import { describe, expect, it } from '@jest/globals';
import { present, presentationOfQuery, queryOfPresentation } from './presentation.js';

const picture = { filename: 'cat.png', contentType: 'image/png' };
const page = { filename: 'page.html', contentType: 'text/html' };

describe('present', () => {
  it('saves a content under its own name when nothing is asked for', () => {
    expect(present(picture)).toEqual({
      disposition: 'attachment',
      filename: 'cat.png',
      contentDisposition: 'attachment; filename=cat.png',
    });
  });

  it('shows what may be shown, under the name that is asked for', () => {
    expect(present(picture, { disposition: 'inline', filename: 'Katze ä.png' })).toEqual({
      disposition: 'inline',
      filename: 'Katze ä.png',
      contentDisposition: `inline; filename="Katze ?.png"; filename*=UTF-8''Katze%20%C3%A4.png`,
    });
  });

  it('saves what could run, whatever its name says', () => {
    const presented = present(page, { disposition: 'inline', filename: 'cat.png' });
    expect(presented).toMatchObject({
      disposition: 'attachment',
      contentDisposition: 'attachment; filename=cat.png',
    });
  });

  it('makes no path of a name', () => {
    const { contentDisposition } = present(picture, { filename: '../../etc/passwd' });
    expect(contentDisposition).toBe('attachment; filename=passwd');
  });
});

describe('presentationOfQuery', () => {
  it('reads what is there, and leaves other parameters alone', () => {
    expect(presentationOfQuery('/c')).toEqual({});
    expect(presentationOfQuery('/c?v=7')).toEqual({});
    expect(presentationOfQuery('/c?disposition=inline&filename=a+%C3%A4')).toEqual({
      disposition: 'inline',
      filename: 'a ä',
    });
  });

  it.each([
    'disposition=',
    'disposition=%FF',
    'disposition=form-data',
    'disposition=inline&disposition=inline',
  ])('refuses %s', (query) => {
    expect(() => presentationOfQuery(`/c?${query}`)).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    );
  });

  it.each(['filename=', 'filename=%FF', 'filename=a%0D%0Ab', 'filename=a&filename=b'])(
    'refuses %s',
    (query) => {
      expect(() => presentationOfQuery(`/c?${query}`)).toThrow(
        expect.objectContaining({ code: 'invalid_filename' }),
      );
    },
  );

  it('reads back what was written', () => {
    const wanted = { disposition: 'inline', filename: 'a&b=ä +?.png' } as const;
    expect(presentationOfQuery(`/c${queryOfPresentation(wanted)}`)).toEqual(wanted);
    expect(queryOfPresentation({})).toBe('');
  });
});
