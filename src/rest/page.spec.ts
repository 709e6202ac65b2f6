import { expect, it } from '@jest/globals';
import { nextLink } from './page.dto.js';

it.each([
  ['/api/v1/files', '</api/v1/files?cursor=abc>; rel="next"'],
  ['/api/v1/files?limit=2&cursor=old', '</api/v1/files?limit=2&cursor=abc>; rel="next"'],
  ['/api/v1/files?q=a%26b%3E', '</api/v1/files?q=a%26b%3E&cursor=abc>; rel="next"'],
])('the next page of %s keeps its other parameters', (url, link) => {
  expect(nextLink(url, 'abc')).toBe(link);
});
