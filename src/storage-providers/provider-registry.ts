import type { ProviderName, StorageProvider } from './storage-provider.js';

/** Short names of the implementation guide. */
const ALIASES: Readonly<Record<string, ProviderName>> = {
  aws: 'aws_s3',
  gcp: 'google_gcs',
  azure: 'azure_blob',
  digitalocean: 'digitalocean_spaces',
};

/** The strategies that this installation offers; injected wherever a provider is chosen. */
export class ProviderRegistry {
  constructor(readonly providers: readonly StorageProvider[]) {}

  /** The provider that is meant by its name or by a short name of the guide; undefined when there is none. */
  find(name: string): StorageProvider | undefined {
    const meant = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
    return this.providers.find((provider) => provider.name === meant);
  }

  /** @throws TypeError when a stored row names a provider that this installation does not offer */
  byName(name: ProviderName): StorageProvider {
    const provider = this.find(name);
    if (provider === undefined) throw new TypeError(`no provider is called ${name}`);
    return provider;
  }
}
