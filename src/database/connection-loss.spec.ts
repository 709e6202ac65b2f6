import { describe, expect, it } from '@jest/globals';
import { isConnectionLoss } from './connection-loss.js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

describe('connection loss', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', '08006', '57P01', '57P03', '53300'])(
    'is %s',
    (code) => {
      expect(isConnectionLoss(withCode(code))).toBe(true);
    },
  );

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
  ])('is node-postgres saying "%s"', (message) => {
    expect(isConnectionLoss(new Error(message))).toBe(true);
  });

  it.each(['23505', '28P01', '3D000', '42P01', '57014', 'ENOENT'])('is not %s', (code) => {
    expect(isConnectionLoss(withCode(code))).toBe(false);
  });

  it.each([undefined, null, 'ECONNREFUSED', new Error('other')])('is not %p', (error) => {
    expect(isConnectionLoss(error)).toBe(false);
  });
});
