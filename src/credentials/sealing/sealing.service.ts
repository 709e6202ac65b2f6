import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Config } from '../../config/config.js';
import { ADVISORY_LOCK_CLASS, ADVISORY_LOCKS } from '../../database/advisory-locks.js';
import { sealed } from '../credentials-error.js';
import { DataKey } from '../data-key.entity.js';
import { Installation } from '../installation.entity.js';
import { KeyRing, makeKeyCheck } from './key-ring.js';
import { readMasterKeyFile, readOrCreateMasterKeyFile, type MasterKeyFile } from './master-key-file.js';
import { MasterKey, MasterKeyError } from './master-key.js';
import { decideSealing, sealedBecause, type SealingState } from './sealing-state.js';

/** Holds the master keys. Until they proved to be the right ones the service is sealed: nothing is opened or written. */
@Injectable()
export class Sealing implements OnModuleInit {
  private readonly log = new Logger(Sealing.name);
  private current: SealingState = sealedBecause('not_started');

  constructor(
    private readonly database: DataSource,
    private readonly config: Config,
  ) {}

  async onModuleInit(): Promise<void> {
    this.current = await this.database.transaction(async (manager) => {
      // Processes that start on one empty database together must agree on one installation.
      await manager.query('SELECT pg_advisory_xact_lock($1, $2)', [
        ADVISORY_LOCK_CLASS,
        ADVISORY_LOCKS.firstInstallation,
      ]);
      return this.start(manager);
    });
    if (!this.current.open) this.log.error(`Stowage starts sealed. ${this.current.advice}`);
  }

  get state(): SealingState {
    return this.current;
  }

  /** @throws CredentialsError `sealed` */
  opened(): Extract<SealingState, { open: true }> {
    if (!this.current.open) throw sealed();
    return this.current;
  }

  /**
   * Secrets that sign and check our own URLs of local_disk objects, derived for nothing else. The first signs; URLs
   * signed with any of them are good, so that a key rotation breaks none.
   * @throws CredentialsError `sealed`
   */
  localDiskUrlSecrets(): readonly Buffer[] {
    const { installationId, ring } = this.opened();
    return ring.keys().map((key) => key.subkey('local-disk-urls', installationId));
  }

  private async start(manager: EntityManager): Promise<SealingState> {
    const installation = await manager.findOneBy(Installation, { id: 1 });
    try {
      if (installation === null) return await this.found(manager);
      const ring = new KeyRing(await this.givenKeys());
      return decideSealing(installation, ring, await kekIdsInUse(manager));
    } catch (error) {
      if (!(error instanceof MasterKeyError)) throw error;
      this.log.error(error.message);
      return sealedBecause('unreadable_key_file');
    }
  }

  /** The very first start: only now may a master key be made, because nothing can be sealed with another one. */
  private async found(manager: EntityManager): Promise<SealingState> {
    const { ENCRYPTION_KEY } = this.config.env;
    const key = ENCRYPTION_KEY ? MasterKey.parse(ENCRYPTION_KEY) : await this.generatedKey();
    const installationId = randomUUID();
    const row = {
      id: 1 as const,
      installationId,
      kekId: key.id,
      keyCheck: makeKeyCheck(installationId, key),
    };
    await manager.insert(Installation, row);
    return { open: true, installationId, ring: new KeyRing([key]) };
  }

  private async generatedKey(): Promise<MasterKey> {
    const file = await readOrCreateMasterKeyFile(this.config.dataDir);
    if (file.created) {
      this.log.warn(
        `BACK THIS UP: a master key was made in ${file.path}. Without it no stored credential can ever be read again.`,
      );
    }
    this.warnWhenExposed(file);
    return file.key;
  }

  private async givenKeys(): Promise<MasterKey[]> {
    const { ENCRYPTION_KEY, ENCRYPTION_KEY_PREVIOUS } = this.config.env;
    const keys = [ENCRYPTION_KEY, ENCRYPTION_KEY_PREVIOUS].flatMap((text) =>
      text ? [MasterKey.parse(text)] : [],
    );
    if (ENCRYPTION_KEY) return keys;
    const file = await readMasterKeyFile(this.config.dataDir);
    if (file === undefined) return keys;
    this.warnWhenExposed(file);
    return [file.key, ...keys];
  }

  private warnWhenExposed(file: MasterKeyFile): void {
    if (file.exposed)
      this.log.warn(`${file.path} can be read by others: chmod 600, and think about rotating it.`);
  }
}

async function kekIdsInUse(manager: EntityManager): Promise<string[]> {
  const rows = await manager
    .createQueryBuilder(DataKey, 'data_key')
    .select('DISTINCT data_key.kek_id', 'kekId')
    .getRawMany<{ kekId: string }>();
  return rows.map((row) => row.kekId);
}
