import { describe, expect, it } from '@jest/globals';
import { PROVIDERS } from '../../src/storage-providers/providers/index.js';
import { CONTRACT_MATRIX } from './contract-matrix.js';

describe('the contract matrix', () => {
  it('holds every provider to the contract', () => {
    const held = new Set(CONTRACT_MATRIX.map(({ provider }) => provider));
    expect([...held].sort()).toEqual(PROVIDERS.map(({ name }) => name).sort());
  });
});
