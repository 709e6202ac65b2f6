import { providerByName } from '../storage-providers/providers/index.js';
import type { ProviderName, ProviderSettings } from '../storage-providers/storage-provider.js';

interface Place {
  readonly provider: ProviderName;
  readonly bucketName: string;
  readonly settings: ProviderSettings;
}

/** Whether two configurations mean one bucket, perhaps with another key or prefix. */
export function sameBucket(left: Place, right: Place): boolean {
  return (
    left.provider === right.provider &&
    left.bucketName === right.bucketName &&
    endpointOf(left) === endpointOf(right)
  );
}

function endpointOf({ provider, settings }: Place): string | undefined {
  return providerByName(provider).endpointOf(settings)?.href;
}
