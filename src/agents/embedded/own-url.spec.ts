import { describe, expect, it } from '@jest/globals';
import { ownUrl } from './own-url.js';

describe('the way to the server from its own machine', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:8080'],
    ['0.0.0.0', 'http://127.0.0.1:8080'],
    ['::', 'http://[::1]:8080'],
    ['::1', 'http://[::1]:8080'],
    ['localhost', 'http://localhost:8080'],
    ['10.0.0.7', 'http://10.0.0.7:8080'],
  ])('to %s is %s', (host, url) => {
    expect(ownUrl(host, 8080)).toBe(url);
  });
});
