import { Injectable } from '@nestjs/common';
import { Clock } from '../config/clock.js';
import { Statements } from '../database/statements.js';
import { openStorage } from '../storage-providers/open-storage.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import { StorageConnections } from '../storage-providers/storage-connections.js';
import type { ObjectStorage, ProviderName, ProviderSettings } from '../storage-providers/storage-provider.js';
import type { CloudConfig } from './cloud-config.entity.js';
import { CloudConfigs } from './cloud-configs.service.js';
import { ConnectionContexts } from './connection-contexts.service.js';
import { cloudNotConfigured } from './credentials-error.js';
import { RevalidatedCache } from './revalidated-cache.js';
import { sameBucket } from './same-bucket.js';
import { SealedSecrets } from './sealing/sealed-secrets.service.js';
import { Sealing } from './sealing/sealing.service.js';
import { StorageCalls } from './storage-calls.service.js';

/** A user's bucket, ready for work. The storage belongs to a pool: never close it. */
export interface OpenedConfig {
  readonly configId: number;
  readonly provider: ProviderName;
  readonly bucketName: string;
  /** Below the configured prefix, retrying, throttled. */
  readonly storage: ObjectStorage;
  /** Of the provider, without the bucket; absent on local disk. */
  readonly endpoint?: URL;
  /** Where a bucket on local disk lies; absent for all others. */
  readonly folder?: string;
}

/** Longest time for which a change made by another process may go unnoticed here. */
const FRESH_MS = 1_000;
const CACHED_USERS = 10_000;
const CACHED_CONFIGS = 10_000;

const ACTIVE = {
  name: 'credentials.active',
  text: 'SELECT id, version, capabilities::text FROM cloud_configs WHERE user_id = $1 AND is_active',
};

/** Together with the active one, whose credentials may open it. */
const REMEMBERED = {
  name: 'credentials.remembered',
  text: `SELECT id, version, capabilities::text, forgotten_at IS NULL AS readable
    FROM cloud_configs WHERE user_id = $1 AND (is_active OR id = $2) ORDER BY id`,
};

/**
 * Opens users' buckets. What is opened stays open: a hot call costs neither a statement nor a decryption, and whether
 * the settings are still the same is asked once a second for each user who is active.
 */
@Injectable()
export class CloudStorages {
  private readonly activeOf: RevalidatedCache<number, OpenedConfig>;
  private readonly rememberedOf: RevalidatedCache<string, OpenedConfig>;

  constructor(
    private readonly configs: CloudConfigs,
    private readonly secrets: SealedSecrets,
    private readonly sealing: Sealing,
    private readonly connections: StorageConnections,
    private readonly contexts: ConnectionContexts,
    private readonly calls: StorageCalls,
    private readonly registry: ProviderRegistry,
    statements: Statements,
    clock: Clock,
  ) {
    const now = (): number => clock.now();
    this.activeOf = new RevalidatedCache({
      maxEntries: CACHED_USERS,
      freshMs: FRESH_MS,
      now,
      stampOf: async (userId) => JSON.stringify(await statements.query(ACTIVE, [userId])),
      load: (userId) => this.openActive(userId),
    });
    this.rememberedOf = new RevalidatedCache({
      maxEntries: CACHED_CONFIGS,
      freshMs: FRESH_MS,
      now,
      stampOf: async (key) => JSON.stringify(await statements.query(REMEMBERED, partsOf(key))),
      load: (key) => this.openRemembered(...partsOf(key)),
    });
  }

  /**
   * The bucket that the user has configured.
   * @throws CredentialsError `cloud_not_configured`, `sealed`, `credentials_unreadable`
   */
  active(userId: number): Promise<OpenedConfig> {
    return this.activeOf.get(userId);
  }

  /**
   * The bucket of a certain configuration, for what was stored with it. When the user has only changed the key
   * since, the present key is used: the old one may be revoked.
   * @throws CredentialsError `cloud_not_configured` when its credentials were forgotten, `sealed`,
   *   `credentials_unreadable`
   */
  byConfigId(userId: number, cloudConfigId: number): Promise<OpenedConfig> {
    return this.rememberedOf.get(`${userId}:${cloudConfigId}`);
  }

  /** Tells this process at once that the user's settings changed; the others notice within a second. */
  changed(userId: number): void {
    this.activeOf.forget(userId);
    for (const key of this.rememberedOf.keys())
      if (key.startsWith(`${userId}:`)) this.rememberedOf.forget(key);
  }

  private async openActive(userId: number): Promise<OpenedConfig> {
    this.sealing.opened();
    const { active } = await this.configs.seen(userId);
    if (active === undefined) throw cloudNotConfigured();
    return this.open(active, active, await this.settingsOf(active));
  }

  private async openRemembered(userId: number, configId: number): Promise<OpenedConfig> {
    this.sealing.opened();
    const { active } = await this.configs.seen(userId);
    if (active?.id === configId) return this.open(active, active, await this.settingsOf(active));
    const earlier = await this.configs.byId(userId, configId);
    if (earlier === undefined) throw cloudNotConfigured();
    if (active !== undefined && sameBucket(earlier, active, this.registry)) {
      const prefix = earlier.settings.prefix;
      return this.open(earlier, active, { ...(await this.settingsOf(active)), ...(prefix && { prefix }) });
    }
    if (earlier.encryptedConfig === '') throw cloudNotConfigured();
    return this.open(earlier, earlier, await this.settingsOf(earlier));
  }

  private async settingsOf(config: CloudConfig): Promise<ProviderSettings> {
    const { id: configId, userId, version, encryptedConfig, settings } = config;
    return { ...settings, ...(await this.secrets.open({ userId, configId, version }, encryptedConfig)) };
  }

  /** @param credentials the configuration whose credentials `settings` holds */
  private open(config: CloudConfig, credentials: CloudConfig, settings: ProviderSettings): OpenedConfig {
    const { id: configId, userId, provider, bucketName } = config;
    const { capabilities } = credentials;
    const revision = `${credentials.id}.${credentials.version} ${JSON.stringify(capabilities)}`;
    const [strategy, context] = [this.registry.byName(provider), this.contexts.of(userId, capabilities)];
    const storage = this.connections.storageOf(String(configId), revision, () =>
      openStorage(strategy, settings, context, this.calls.of(configId)),
    );
    const endpoint = strategy.endpointOf(settings, context.defaultRegion);
    return {
      configId,
      provider,
      bucketName,
      storage,
      endpoint,
      folder: strategy.folderOf?.(settings, context),
    };
  }
}

function partsOf(key: string): [userId: number, configId: number] {
  const [userId, configId] = key.split(':').map(Number);
  return [userId!, configId!];
}
