import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import { AuditLog, type AuditOrigin, type AuditRecord } from '../auth/audit-log.service.js';
import type { Principal } from '../auth/principal.js';
import { Clock } from '../config/clock.js';
import type {
  ProviderName,
  ProviderSettings,
  StorageCapabilities,
} from '../storage-providers/storage-provider.js';
import { CloudConfig } from './cloud-config.entity.js';
import { cloudNotConfigured } from './credentials-error.js';
import { SealedSecrets, type Secrets } from './sealing/sealed-secrets.service.js';
import { Sealing } from './sealing/sealing.service.js';

/** Everything that a new configuration consists of. */
export interface NewCloudConfig {
  readonly provider: ProviderName;
  readonly bucketName: string;
  /** What is not secret. */
  readonly settings: ProviderSettings;
  readonly secrets: Secrets;
  /** Last characters of each secret. */
  readonly secretHints: Readonly<Record<string, string>>;
  readonly capabilities: Partial<StorageCapabilities>;
  /** A test that these very settings passed. */
  readonly test?: TestOutcome;
}

export interface TestOutcome {
  readonly success: boolean;
  readonly capabilities: Partial<StorageCapabilities>;
}

/** The state that a change was made from. */
export interface SeenState {
  /** Version of the newest configuration, active or not; 0 when there was never one. */
  readonly version: number;
  readonly active: CloudConfig | undefined;
}

/** Who does it. */
export interface Actor {
  readonly principal: Principal;
  readonly origin: AuditOrigin;
}

/**
 * The rows of `cloud_configs`. A change never touches what is there: it adds a row with the next version and makes
 * it the active one, in one transaction with its audit record.
 */
@Injectable()
export class CloudConfigs {
  constructor(
    private readonly database: DataSource,
    private readonly secrets: SealedSecrets,
    private readonly sealing: Sealing,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  async seen(userId: number, manager: EntityManager = this.database.manager): Promise<SeenState> {
    const newest = await manager.findOne(CloudConfig, { where: { userId }, order: { version: 'DESC' } });
    const active = newest?.isActive ? newest : undefined;
    return { version: newest?.version ?? 0, active };
  }

  async byId(userId: number, id: number): Promise<CloudConfig | undefined> {
    return (await this.database.manager.findOneBy(CloudConfig, { id, userId })) ?? undefined;
  }

  /**
   * Makes a new configuration the user's active one.
   * @returns undefined when somebody else changed the settings since `seen`; nothing happened then
   * @throws CredentialsError `sealed`, `credentials_unreadable`
   */
  save(actor: Actor, seen: SeenState, config: NewCloudConfig): Promise<CloudConfig | undefined> {
    this.sealing.opened();
    const { userId } = actor.principal;
    return this.database.transaction(async (manager) => {
      await lockUser(manager, userId);
      if (!isSame(seen, await this.seen(userId, manager))) return undefined;
      await manager.update(CloudConfig, { userId, isActive: true }, { isActive: false, updatedAt: now });
      const saved = await this.insert(manager, userId, seen.version + 1, config);
      const details = { provider: saved.provider, bucket_name: saved.bucketName, version: saved.version };
      await this.audit.record({ ...entryOf(actor, 'settings.changed', saved.id), details }, manager);
      return saved;
    });
  }

  /**
   * Keeps a configuration that is not in use yet. Its version is 0, so that it is never taken for the newest.
   * @throws CredentialsError `sealed`, `credentials_unreadable`
   */
  add({ principal: { userId } }: Actor, config: NewCloudConfig): Promise<CloudConfig> {
    this.sealing.opened();
    return this.database.transaction((manager) => this.insert(manager, userId, NOT_IN_USE, config));
  }

  /**
   * Makes a kept configuration the active one, as part of the manager's transaction.
   * @throws CredentialsError `cloud_not_configured` when its credentials were forgotten, `sealed`,
   *   `credentials_unreadable`
   */
  async activate(manager: EntityManager, origin: AuditOrigin, userId: number, id: number): Promise<void> {
    await lockUser(manager, userId);
    const config = await manager.findOneBy(CloudConfig, { id, userId, forgottenAt: IsNull() });
    if (config === null) throw cloudNotConfigured();
    const version = (await this.seen(userId, manager)).version + 1;
    const kept = { userId, configId: id, version: config.version };
    const secrets = await this.secrets.open(kept, config.encryptedConfig);
    const encryptedConfig = await this.secrets.seal(manager, { ...kept, version }, secrets);
    await manager.update(CloudConfig, { userId, isActive: true }, { isActive: false, updatedAt: now });
    await manager.update(CloudConfig, id, { isActive: true, version, encryptedConfig, updatedAt: now });
    const details = { provider: config.provider, bucket_name: config.bucketName, version };
    await this.audit.record(
      { ...origin, action: 'settings.changed', subject: `cloud_config:${id}`, details },
      manager,
    );
  }

  /**
   * Erases all credentials of the user, those of earlier configurations too. The rows stay: files name them.
   * @returns undefined when somebody else changed the settings since `seen`; nothing happened then
   */
  forget(actor: Actor, seen: SeenState): Promise<true | undefined> {
    this.sealing.opened();
    const { userId } = actor.principal;
    return this.database.transaction(async (manager) => {
      await lockUser(manager, userId);
      if (!isSame(seen, await this.seen(userId, manager))) return undefined;
      const erased = { encryptedConfig: '', secretHints: {}, forgottenAt: new Date(this.clock.now()) };
      // The version moves on, so that a change which was prepared before does not fit any more.
      const ended = { isActive: false, version: () => 'version + 1', updatedAt: now };
      await manager.update(CloudConfig, { userId, isActive: true }, ended);
      await manager.update(CloudConfig, { userId, forgottenAt: IsNull() }, erased);
      const details = { provider: seen.active?.provider, bucket_name: seen.active?.bucketName };
      await this.audit.record({ ...entryOf(actor, 'settings.forgotten', seen.active?.id), details }, manager);
      return true;
    });
  }

  /** Notes a test of a saved configuration; one that was replaced meanwhile is left alone. */
  async recordTest(config: CloudConfig, outcome: TestOutcome): Promise<void> {
    const { id, version } = config;
    const capabilities = { ...config.capabilities, ...outcome.capabilities };
    await this.database.manager.update(
      CloudConfig,
      { id, version, forgottenAt: IsNull() },
      { lastTest: new Date(this.clock.now()), lastTestSuccess: outcome.success, capabilities },
    );
  }

  private async insert(
    manager: EntityManager,
    userId: number,
    version: number,
    config: NewCloudConfig,
  ): Promise<CloudConfig> {
    // The id is part of what the seal binds to, so it is taken before the row is written.
    const id = await nextId(manager);
    const owner = { userId, configId: id, version };
    const encryptedConfig = await this.secrets.seal(manager, owner, config.secrets);
    const { provider, bucketName, settings, secretHints, test } = config;
    const capabilities = { ...config.capabilities, ...test?.capabilities };
    const tested = [test ? new Date(this.clock.now()) : null, test?.success ?? null];
    // TypeORM leaves out the id of a generated column, whatever is given.
    await manager.query(INSERT, [
      ...[id, userId, version, provider, bucketName, encryptedConfig],
      ...[settings, secretHints, capabilities].map((value) => JSON.stringify(value)),
      ...tested,
      version !== NOT_IN_USE,
    ]);
    return manager.findOneByOrFail(CloudConfig, { id });
  }
}

/** Version of a configuration that was never the active one. */
const NOT_IN_USE = 0;

const INSERT = `
  INSERT INTO cloud_configs (
    id, user_id, version, provider, bucket_name, encrypted_config,
    settings, secret_hints, capabilities, last_test, last_test_success, is_active
  ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;

const now = (): string => 'now()';

/** One change at a time for each user. Weaker than FOR UPDATE, so that foreign keys to the user go on. */
async function lockUser(manager: EntityManager, userId: number): Promise<void> {
  await manager.query('SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]);
}

async function nextId(manager: EntityManager): Promise<number> {
  const rows = await manager.query<{ id: number }[]>(
    "SELECT nextval(pg_get_serial_sequence('cloud_configs', 'id'))::integer AS id",
  );
  return rows[0]!.id;
}

function isSame(seen: SeenState, current: SeenState): boolean {
  return seen.version === current.version && seen.active?.id === current.active?.id;
}

function entryOf({ origin }: Actor, action: string, configId: number | undefined): AuditRecord {
  return { ...origin, action, subject: `cloud_config:${configId ?? 'none'}` };
}
