import type { ProviderRegistry } from '../storage-providers/provider-registry.js';
import type { ProviderName, ProviderSettings } from '../storage-providers/storage-provider.js';

interface Place {
  readonly provider: ProviderName;
  readonly bucketName: string;
  readonly settings: ProviderSettings;
}

/** Whether two configurations mean one bucket, perhaps with another key or prefix. */
export function sameBucket(left: Place, right: Place, registry: ProviderRegistry): boolean {
  return (
    left.provider === right.provider &&
    left.bucketName === right.bucketName &&
    endpointOf(left, registry) === endpointOf(right, registry)
  );
}

function endpointOf({ provider, settings }: Place, registry: ProviderRegistry): string | undefined {
  return registry.byName(provider).endpointOf(settings)?.href;
}
