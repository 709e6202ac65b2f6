import { describe, expect, it } from '@jest/globals';
import { RepositoryError } from '../snapshot-engine/index.js';
import { StorageError } from '../storage-providers/storage-errors.js';
import { AgentError, ServerRefusal } from './agent-error.js';
import { exitCodeOf, exitCodeOfState } from './exit-codes.js';

describe('the exit code', () => {
  it.each([
    [new AgentError('usage', ''), 64],
    [new AgentError('not_enrolled', ''), 13],
    [new AgentError('agent_not_running', ''), 1],
    [new AgentError('server_unreachable', ''), 14],
    [new ServerRefusal('agent_removed', '', 401), 13],
    [new ServerRefusal('lease_held', '', 409), 11],
    [new ServerRefusal('something_new', '', 400), 1],
    [new RepositoryError('repository_not_found', ''), 10],
    [new RepositoryError('wrong_password', ''), 12],
    [new RepositoryError('cancelled', ''), 130],
    [new StorageError('endpoint_unreachable', '', { operation: 'get', hint: '', retryable: true }), 14],
    [new Error('no code'), 1],
    ['no error', 1],
  ])('of %p is %i', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('of runs and restores says how they ended', () => {
    expect(exitCodeOfState('complete', undefined)).toBe(0);
    expect(exitCodeOfState('unchanged', undefined)).toBe(0);
    expect(exitCodeOfState('partial', undefined)).toBe(3);
    expect(exitCodeOfState('cancelled', null)).toBe(130);
    expect(exitCodeOfState('failed', 'repository_locked')).toBe(11);
    expect(exitCodeOfState('failed', null)).toBe(1);
  });
});
