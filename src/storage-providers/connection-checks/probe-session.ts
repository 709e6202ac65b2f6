import type {
  ConnectContext,
  ObjectStorage,
  ProviderSettings,
  StorageCapabilities,
  StorageProvider,
} from '../storage-provider.js';
import { openStorage } from '../open-storage.js';
import { Leftovers } from './leftovers.js';
import type { NetworkTarget } from './network-checks.js';
import type { Probe, SendPreflight, SendSigned } from './probe.js';
import { localSender } from './send-local.js';
import { httpPreflight, httpSender } from './send-signed.js';

/** Somebody waits: enough for a hiccup or for a store that takes one write a second, too little for an outage. */
const RETRY = { maxTries: 5, maxElapsedMs: 10_000 };

/** The storages that one test opens, opened when first needed and closed at its end. */
export class ProbeSession implements Probe {
  readonly folder: string;
  readonly bytes: Uint8Array;
  readonly now: () => number;
  readonly leftovers = new Leftovers();
  readonly found: Probe['found'] = {};
  firstCall?: Probe['firstCall'];
  /** undefined: there is no network in between. */
  readonly target: NetworkTarget | undefined;
  readonly sendSigned: SendSigned;
  readonly preflight: SendPreflight | undefined;
  readonly #opened = new Map<string, ObjectStorage>();

  constructor(
    readonly provider: StorageProvider,
    private readonly settings: ProviderSettings,
    readonly context: ConnectContext,
    probe: { readonly folder: string; readonly bytes: Uint8Array; readonly now: () => number },
  ) {
    this.folder = probe.folder;
    this.bytes = probe.bytes;
    this.now = probe.now;
    const endpoint = dialledEndpoint(provider, settings, context);
    this.target = endpoint && { provider: provider.name, endpoint, context };
    this.preflight = this.target && httpPreflight(provider.name, context);
    this.sendSigned = this.target ? httpSender(provider.name, context) : localSender(context);
  }

  get storage(): ObjectStorage {
    return this.assuming({});
  }

  assuming(capabilities: Partial<StorageCapabilities>): ObjectStorage {
    const name = JSON.stringify(capabilities);
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const context = { ...this.context, capabilities: { ...this.context.capabilities, ...capabilities } };
    const opened = openStorage(this.provider, this.settings, context, { retry: RETRY });
    this.#opened.set(name, opened);
    return opened;
  }

  /** Removes what the test wrote and closes its connections. @returns names of what could not be removed */
  async end(signal: AbortSignal): Promise<string[]> {
    if (this.#opened.size === 0) return [];
    const storage = this.storage;
    const left = await this.leftovers.remove(storage, signal);
    await Promise.all([...this.#opened.values()].map((opened) => opened.close()));
    return left.map((key) => storage.urlOf(key));
  }
}

/** What the operator set in place of the provider's own address, as the strategies do. */
function dialledEndpoint(
  provider: StorageProvider,
  settings: ProviderSettings,
  { s3Endpoint, gcsEndpoints, azureEndpoint, defaultRegion }: ConnectContext,
): URL | undefined {
  const instead = {
    aws_s3: s3Endpoint,
    backblaze_b2: s3Endpoint,
    cloudflare_r2: s3Endpoint,
    digitalocean_spaces: s3Endpoint,
    google_gcs: gcsEndpoints?.storage,
    azure_blob: azureEndpoint,
    s3_compatible: undefined,
    local_disk: undefined,
  }[provider.name];
  return instead === undefined ? provider.endpointOf(settings, defaultRegion) : new URL(instead);
}
