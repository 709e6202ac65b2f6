import { Injectable } from '@nestjs/common';
import { validationFailed } from '../errors/request-errors.js';
import { assertIfMatch, etagOf } from '../rest/etag.js';
import type { ConnectionTestResult } from '../storage-providers/connection-checks/fold-result.js';
import type { ConnectionTestEvent } from '../storage-providers/connection-test.js';
import { publicSettings } from '../storage-providers/parse-settings.js';
import { ProviderRegistry } from '../storage-providers/provider-registry.js';
import type { ProviderSettings, StorageProvider } from '../storage-providers/storage-provider.js';
import { CandidateSettings, type Candidate } from './candidate-settings.service.js';
import type { CloudConfig } from './cloud-config.entity.js';
import { CloudConfigs, type Actor, type NewCloudConfig, type SeenState } from './cloud-configs.service.js';
import { CloudStorages } from './cloud-storages.service.js';
import { connectionFailed } from './connection-failed.js';
import { ConnectionTests } from './connection-tests.service.js';
import { cloudNotConfigured, settingsChanged } from './credentials-error.js';
import { sameBucket } from './same-bucket.js';
import { SealedSecrets } from './sealing/sealed-secrets.service.js';
import { secretHints } from './secret-hints.js';

export type SettingsBody = Readonly<Record<string, unknown>>;

export interface SaveOptions {
  readonly ifMatch?: string;
  /** Tries the settings first and saves them only when they pass. */
  readonly test: boolean;
  readonly signal?: AbortSignal;
}

/** Changes that others made meanwhile are seen and the request is read again, this often. */
const MAX_ATTEMPTS = 3;

/** What a user can do with the settings of the bucket. */
@Injectable()
export class CloudSettings {
  constructor(
    private readonly configs: CloudConfigs,
    private readonly candidates: CandidateSettings,
    private readonly secrets: SealedSecrets,
    private readonly storages: CloudStorages,
    private readonly tests: ConnectionTests,
    private readonly registry: ProviderRegistry,
  ) {}

  seen(userId: number): Promise<SeenState> {
    return this.configs.seen(userId);
  }

  /**
   * Replaces the settings as a whole; only secrets that are left out stay.
   * @throws RequestError `validation_failed`, `precondition_failed`
   * @throws CredentialsError `sealed`, `credentials_unreadable`, `settings_changed`, `connection_failed`
   * @throws StorageError for a failed test whose reason lies in the settings
   */
  async save(actor: Actor, body: SettingsBody, options: SaveOptions): Promise<CloudConfig> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const candidate = await this.candidates.read(actor.principal, body);
      assertIfMatch(options.ifMatch, etagOfState(candidate.seen));
      const test = options.test ? await this.passedTest(actor, candidate, options.signal) : undefined;
      const saved = await this.configs.save(actor, candidate.seen, this.newConfigOf(candidate, test));
      if (saved === undefined) continue;
      this.storages.changed(actor.principal.userId);
      return saved;
    }
    throw settingsChanged();
  }

  /**
   * Tests the settings of another bucket and keeps them, while the present ones stay in use.
   * @throws like `save`; RequestError `validation_failed` for the bucket that is in use
   */
  async add(actor: Actor, body: SettingsBody, signal: AbortSignal): Promise<CloudConfig> {
    const candidate = await this.candidates.read(actor.principal, body);
    const { active } = candidate.seen;
    if (active === undefined) throw cloudNotConfigured();
    const config = this.newConfigOf(candidate, undefined);
    if (sameBucket(active, config, this.registry)) throw bucketInUse();
    const test = await this.passedTest(actor, candidate, signal);
    return this.configs.add(actor, { ...config, test });
  }

  /**
   * Erases the credentials; files stay listed. Forgetting what is not there is no error.
   * @throws RequestError `precondition_failed` @throws CredentialsError `sealed`, `settings_changed`
   */
  async forget(actor: Actor, ifMatch: string | undefined): Promise<void> {
    const { userId } = actor.principal;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const seen = await this.configs.seen(userId);
      assertIfMatch(ifMatch, etagOfState(seen));
      if (seen.version === 0) return;
      if (!(await this.configs.forget(actor, seen))) continue;
      this.storages.changed(userId);
      return;
    }
    throw settingsChanged();
  }

  /**
   * Tests the settings of `body`, or the saved ones without it; the result of the saved ones is noted with them.
   * @throws like `save`, and CredentialsError `cloud_not_configured`
   */
  async test(
    actor: Actor,
    body: SettingsBody | undefined,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<ConnectionTestEvent, void, void>> {
    const { userId } = actor.principal;
    if (body !== undefined) {
      const { provider, settings } = await this.candidates.read(actor.principal, body);
      return this.tests.events(userId, provider, settings, signal);
    }
    const { active } = await this.configs.seen(userId);
    if (active === undefined) throw cloudNotConfigured();
    return this.testSaved(active, await this.withSecrets(active), signal);
  }

  private async *testSaved(
    config: CloudConfig,
    settings: ProviderSettings,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectionTestEvent, void, void> {
    const provider = this.registry.byName(config.provider);
    for await (const event of this.tests.events(config.userId, provider, settings, signal)) {
      // Noted before it is answered: who reads the settings next sees it.
      if (event.type === 'result') await this.noteTest(config, event.result);
      yield event;
    }
  }

  private async noteTest(config: CloudConfig, result: ConnectionTestResult): Promise<void> {
    await this.configs.recordTest(config, result);
    this.storages.changed(config.userId);
  }

  private async passedTest(
    actor: Actor,
    { provider, settings }: Candidate,
    signal: AbortSignal | undefined,
  ): Promise<ConnectionTestResult> {
    const result = await this.tests.result(actor.principal.userId, provider, settings, signal);
    if (!result.success) throw connectionFailed(result);
    return result;
  }

  private async withSecrets({ id: configId, userId, version, ...config }: CloudConfig) {
    const secrets = await this.secrets.open({ userId, configId, version }, config.encryptedConfig);
    return { ...config.settings, ...secrets };
  }

  private newConfigOf(candidate: Candidate, test: ConnectionTestResult | undefined): NewCloudConfig {
    const { provider, settings, bucketName } = candidate;
    const shown = publicSettings(provider, settings);
    return {
      provider: provider.name,
      bucketName,
      settings: shown,
      secrets: secretsOf(provider, settings),
      secretHints: secretHints(provider, settings),
      capabilities: this.knownCapabilities(candidate, shown),
      test,
    };
  }

  /** What was found out about a bucket stays true when only the key changes. */
  private knownCapabilities({ provider, bucketName, seen }: Candidate, settings: ProviderSettings) {
    const { active } = seen;
    if (active === undefined) return {};
    const wanted = { provider: provider.name, bucketName, settings };
    return sameBucket(active, wanted, this.registry) ? active.capabilities : {};
  }
}

/** Names the state of a user's settings; a change that was prepared from another state does not fit. */
export function etagOfState({ version }: SeenState): string {
  return etagOf(version);
}

function bucketInUse() {
  const detail = 'is the bucket in use; change its settings with PUT /api/v1/settings/cloud-storage instead';
  return validationFailed([{ pointer: '/target/bucket_name', detail, code: 'bucket_in_use' }]);
}

function secretsOf(provider: StorageProvider, settings: ProviderSettings): ProviderSettings {
  const names = provider.fields.filter((field) => field.secret).map((field) => field.name);
  return Object.fromEntries(Object.entries(settings).filter(([name]) => names.includes(name)));
}
