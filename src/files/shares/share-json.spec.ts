import { describe, expect, it } from '@jest/globals';
import { stateOf } from './share-json.js';

describe('the state of a share', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  const fresh = { revokedAt: null, expiresAt: null, maxDownloads: null, downloadCount: 7 };

  it.each([
    ['active', {}],
    ['active', { expiresAt: new Date(now + 1), maxDownloads: 8 }],
    ['used_up', { maxDownloads: 7 }],
    ['expired', { expiresAt: new Date(now), maxDownloads: 7 }],
    ['revoked', { revokedAt: new Date(now), expiresAt: new Date(now) }],
  ])('is %s', (state, life) => {
    expect(stateOf({ ...fresh, ...life }, now)).toBe(state);
  });
});
