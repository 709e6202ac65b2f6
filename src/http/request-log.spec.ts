import { describe, expect, it } from '@jest/globals';
import { loggedPath } from './request-log.js';

describe('the path in the log', () => {
  it('is the path of the request', () => {
    expect(loggedPath('/api/v1/files/42/content')).toBe('/api/v1/files/42/content');
  });

  it.each(['/setup/', '/s/', '/api/v1/local-objects/'])(
    'does not tell the credential that follows %s',
    (start) => {
      expect(loggedPath(`${start}eyJrIjoi.c2VjcmV0`)).toBe(`${start}...`);
    },
  );
});
