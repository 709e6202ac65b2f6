import { describe, expect, it } from '@jest/globals';
import { grants, type Scope } from './principal.js';

const as = (...scopes: Scope[]) => ({ userId: 1, apiKeyId: 'k', scopes });

describe('what a key may do', () => {
  it.each<[Scope[], Scope[], boolean]>([
    [['user'], ['user'], true],
    [['admin'], ['user'], true],
    [['admin'], ['admin'], true],
    [['user'], ['admin'], false],
    [['agent'], ['user'], false],
    [['agent'], ['admin'], false],
    [['agent'], ['agent'], true],
    [['user'], ['agent'], false],
    [['admin'], ['agent'], false],
    [['agent'], ['user', 'agent'], true],
    [[], ['user'], false],
    [['admin', 'user', 'agent'], [], false],
  ])('a key with %j on a route for %j: %p', (scopes, required, allowed) => {
    expect(grants(as(...scopes), required)).toBe(allowed);
  });
});
