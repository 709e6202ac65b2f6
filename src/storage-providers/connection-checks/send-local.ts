import type { LocalDiskSigner } from '../local-disk-signing.js';
import { openLocalBucket } from '../providers/local-disk.js';
import { isStorageError } from '../storage-errors.js';
import type { ConnectContext, LocalDiskUrls } from '../storage-provider.js';
import type { SendSigned } from './probe.js';

/**
 * What the server does with a signed URL of a local_disk object, without the network in between: the server need not
 * be reachable from itself under its public name.
 */
export function localSender(context: ConnectContext): SendSigned {
  return async ({ url }, body, signal) => {
    const { localDiskUrls } = context;
    if (!canVerify(localDiskUrls)) throw new TypeError('signed local_disk URLs cannot be checked here');
    const verdict = localDiskUrls.verify('PUT', new URL(url).pathname.split('/').at(-1) ?? '');
    if (!verdict.ok) return 403;
    const { bucketPath, tenant, key, sizeBytes, createOnly, md5, sha256 } = verdict.grant;
    if (sizeBytes !== body.length) return 400;
    const bucket = openLocalBucket(bucketPath, { ...context, tenant });
    try {
      await bucket.put(key, body, { sizeBytes, createOnly, md5, sha256, signal });
      return 200;
    } catch (error) {
      if (isStorageError(error, 'integrity')) return 400;
      if (isStorageError(error, 'conflict')) return 412;
      throw error;
    }
  };
}

function canVerify(urls: LocalDiskUrls | undefined): urls is LocalDiskSigner {
  return urls !== undefined && 'verify' in urls;
}
