import { describe, expect, it } from '@jest/globals';
import { StorageError, type StorageErrorCode } from '../storage-errors.js';
import {
  CHECK_IDS,
  CHECK_TITLES,
  failedBy,
  type CheckId,
  type CheckResult,
  type CheckStatus,
} from './check.js';
import { foldResult } from './fold-result.js';

describe('the result of a connection test', () => {
  it('is a success when nothing failed', () => {
    expect(foldResult(checksWith({}), { createOnly: true })).toMatchObject({
      success: true,
      message: 'Connection successful',
      latencyMs: 7,
      bucketAccessible: true,
      writePermission: true,
      readPermission: true,
      deletePermission: true,
      capabilities: { createOnly: true },
    });
    expect(foldResult(checksWith({}), {})).not.toHaveProperty('error');
  });

  it('is a success with warnings and with checks that do not apply', () => {
    const result = foldResult(
      checksWith({ dns: 'skipped', tls: 'skipped', conditional_create: 'warning' }),
      {},
    );
    expect(result).toMatchObject({ success: true, bucketAccessible: true });
  });

  it.each<[StorageErrorCode, string]>([
    ['invalid_credentials', 'Invalid credentials'],
    ['bucket_not_found', 'Bucket not found'],
    ['access_denied', 'Access denied'],
    ['wrong_region', 'Wrong region'],
    ['endpoint_unreachable', 'Endpoint unreachable'],
    ['clock_skew', 'Clock skew'],
    ['storage_rate_limited', 'Rate limited'],
    ['quota_or_billing', 'Quota or billing'],
    ['integrity', 'Integrity check failed'],
    ['provider_error', 'Provider error (NotImplemented)'],
  ])('names %s as users know it', (code, words) => {
    const result = foldResult([failure('credentials', code)], {});
    expect(result).toMatchObject({
      success: false,
      message: 'Connection failed',
      error: words,
      details: 'What happened.',
      repair: 'What to do.',
    });
  });

  it('names the first failure when there are several', () => {
    const checks = [failure('write', 'access_denied'), failure('delete', 'provider_error')];
    expect(foldResult(checks, {}).error).toBe('Access denied');
  });

  it('says which permissions are missing and which could not be found out', () => {
    const refused = checksWith({ write: 'failed', read_back: 'skipped', delete: 'skipped' });
    expect(foldResult(refused, {})).toMatchObject({
      success: false,
      bucketAccessible: true,
      writePermission: false,
      readPermission: null,
      deletePermission: null,
    });
  });

  it('does not call a bucket accessible that was never reached', () => {
    const all = Object.fromEntries(CHECK_IDS.map((id) => [id, 'skipped' as const]));
    const result = foldResult(checksWith({ ...all, dns: 'failed' }), {});
    expect(result).toMatchObject({ bucketAccessible: false, writePermission: null });
  });

  it('is a failure when only the removal of the object failed', () => {
    const result = foldResult(checksWith({ delete: 'failed' }), {});
    expect(result).toMatchObject({ success: false, writePermission: true, deletePermission: false });
  });
});

function checksWith(changes: Partial<Record<CheckId, CheckStatus>>): CheckResult[] {
  return CHECK_IDS.map((id) => ({
    id,
    title: CHECK_TITLES[id],
    status: changes[id] ?? 'passed',
    latencyMs: id === 'list' ? 7 : 1,
  }));
}

function failure(id: CheckId, code: StorageErrorCode): CheckResult {
  const error = new StorageError(code, 'What happened.', {
    operation: 'list',
    hint: 'What to do.',
    retryable: false,
    providerCode: 'NotImplemented',
  });
  return { id, title: CHECK_TITLES[id], latencyMs: 1, ...failedBy(error) };
}
