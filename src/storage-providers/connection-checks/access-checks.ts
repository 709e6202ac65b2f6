import { classify } from '../classify.js';
import { isStorageError, type StorageError, type StorageErrorCode } from '../storage-errors.js';
import { failedBy, passed, skipped, type CheckOutcome } from './check.js';
import type { Probe } from './probe.js';

/*
 * One listing tells whether the key, the bucket and the region are right. It has a body in both directions of
 * failure; HEAD would answer 403 and 404 without saying why.
 */

export async function checkCredentials(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  try {
    await probe.storage.listPage({ prefix: probe.folder, limit: 1, signal });
    probe.firstCall = {};
    return passed();
  } catch (error) {
    if (!isStorageError(error)) throw error;
    probe.firstCall = { error };
    if (error.providerCode === 'PROVIDER_PROTOCOL_ERROR') return failedBy(notTheService(probe, error));
    if (error.code === 'wrong_region') {
      return skipped('The bucket is in another region, where the key is checked once the region is right.');
    }
    return KEY_WAS_ACCEPTED.has(error.code) ? passed() : failedBy(error);
  }
}

export async function checkBucket(probe: Probe): Promise<CheckOutcome> {
  const error = probe.firstCall?.error;
  if (error?.code === 'bucket_not_found' || error?.code === 'quota_or_billing') return failedBy(error);
  return error?.code === 'wrong_region' ? skipped('The bucket is in another region.') : passed();
}

export async function checkRegion(probe: Probe): Promise<CheckOutcome> {
  const error = probe.firstCall?.error;
  return error?.code === 'wrong_region' ? failedBy(error) : passed();
}

export async function checkList(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  const refused = probe.firstCall?.error;
  if (refused !== undefined) return failedBy(refused);
  const page = await probe.storage.listPage({ prefix: probe.folder, limit: 2, signal });
  // The folder's name is random and nothing was written yet: a store that shows something shows another listing.
  if (page.objects.length === 0 && page.nextCursor === undefined) return passed();
  return {
    status: 'failed',
    code: 'integrity',
    detail: 'The listing shows objects that do not lie below the folder that was asked for.',
    repair: 'Check the endpoint: it does not answer listings as an object store does.',
  };
}

/** At the very first call a nonsensical answer means another server, not a fault of the right one. */
function notTheService({ storage }: Probe, cause: StorageError): StorageError {
  return classify({
    provider: storage.provider,
    operation: 'list',
    httpStatus: cause.httpStatus,
    bodyIsExpectedShape: false,
  });
}

/** Refusals that a provider only gives to a key that it knows. */
const KEY_WAS_ACCEPTED: ReadonlySet<StorageErrorCode> = new Set([
  'bucket_not_found',
  'access_denied',
  'quota_or_billing',
]);
