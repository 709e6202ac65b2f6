import type { StorageCapabilities } from '../storage-provider.js';
import type { CheckId, CheckResult } from './check.js';

/** The answer of a connection test: the seed's members, and what is behind them. */
export interface ConnectionTestResult {
  readonly success: boolean;
  readonly message: 'Connection successful' | 'Connection failed';
  /** One authenticated request to the bucket; the whole test when none succeeded. */
  readonly latencyMs: number;
  /** null: could not be found out. */
  readonly bucketAccessible: boolean | null;
  readonly writePermission: boolean | null;
  readonly readPermission: boolean | null;
  readonly deletePermission: boolean | null;
  /** Category of the first failure in words, e.g. `Invalid credentials`. */
  readonly error?: string;
  readonly details?: string;
  readonly repair?: string;
  readonly checks: readonly CheckResult[];
  /** What the bucket proved to honour; empty members could not be found out. */
  readonly capabilities: Partial<StorageCapabilities>;
}

/** Success is that nothing failed: warnings do not keep Stowage from working, a skipped check follows a failed one. */
export function foldResult(
  checks: readonly CheckResult[],
  capabilities: Partial<StorageCapabilities>,
): ConnectionTestResult {
  const failure = checks.find((check) => check.status === 'failed');
  return {
    success: failure === undefined,
    message: failure === undefined ? 'Connection successful' : 'Connection failed',
    latencyMs: latencyOf(checks),
    bucketAccessible: bucketAccessible(checks),
    writePermission: verdict(checks, 'write'),
    readPermission: verdict(checks, 'read_back'),
    deletePermission: verdict(checks, 'delete'),
    ...(failure && { error: categoryOf(failure), details: failure.detail, repair: failure.repair }),
    checks,
    capabilities,
  };
}

/** A failure's category as a user knows it from the documentation. */
export function categoryOf(failure: CheckResult): string {
  const code = failure.code ?? '';
  if (code === 'provider_error') return `Provider error (${failure.error?.providerCode ?? 'no code'})`;
  return CATEGORIES[code] ?? 'Provider error';
}

const CATEGORIES: Readonly<Record<string, string>> = {
  invalid_credentials: 'Invalid credentials',
  bucket_not_found: 'Bucket not found',
  object_not_found: 'Object not found',
  access_denied: 'Access denied',
  wrong_region: 'Wrong region',
  endpoint_unreachable: 'Endpoint unreachable',
  clock_skew: 'Clock skew',
  storage_rate_limited: 'Rate limited',
  quota_or_billing: 'Quota or billing',
  conflict: 'Conflict',
  integrity: 'Integrity check failed',
  timeout: 'Connection test took too long',
};

function latencyOf(checks: readonly CheckResult[]): number {
  const measured = (['list', 'credentials'] as const)
    .map((id) => checks.find((check) => check.id === id))
    .find((check) => check !== undefined && check.status !== 'skipped');
  return Math.round(measured?.latencyMs ?? checks.reduce((sum, check) => sum + check.latencyMs, 0));
}

/** Somebody who may write into a bucket without seeing it has reached it all the same. */
function bucketAccessible(checks: readonly CheckResult[]): boolean | null {
  const verdicts = (['bucket', 'list', 'write'] as const).map((id) => verdict(checks, id));
  if (verdicts.includes(true)) return true;
  const somethingFailed = checks.some((check) => check.status === 'failed');
  return somethingFailed ? false : null;
}

function verdict(checks: readonly CheckResult[], id: CheckId): boolean | null {
  const status = checks.find((check) => check.id === id)?.status;
  if (status === undefined || status === 'skipped') return null;
  return status !== 'failed';
}
