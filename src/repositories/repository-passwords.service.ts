import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../auth/audit-log.service.js';
import { CloudStorages } from '../credentials/cloud-storages.service.js';
import { SealedTexts } from '../credentials/sealing/sealed-texts.service.js';
import { notFound } from '../errors/request-errors.js';
import { passwordPlace } from './password-place.js';
import { RepositoryRow } from './repository.entity.js';
import { resticLocation, type ResticLocation } from './restic-location.js';
import { Workspace } from './workspace.entity.js';

export interface RevealedPassword extends ResticLocation {
  readonly password: string;
}

/** Tells owners what they need to open their repositories without us. */
@Injectable()
export class RepositoryPasswords {
  constructor(
    private readonly database: DataSource,
    private readonly texts: SealedTexts,
    private readonly storages: CloudStorages,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Of a workspace that may have been deleted already: its snapshots may still be in the bucket. The act is recorded
   * before anything is told.
   * @throws RequestError `not_found`; CredentialsError `sealed`, `cloud_not_configured`
   */
  async reveal(userId: number, origin: AuditOrigin, workspaceId: string): Promise<RevealedPassword> {
    const { manager } = this.database;
    const workspace = await manager.findOneBy(Workspace, { id: workspaceId, userId });
    if (workspace === null) throw notFound('workspace');
    const row = await manager.findOneByOrFail(RepositoryRow, { id: workspace.repositoryId });
    const { storage, endpoint, folder } = await this.storages.byConfigId(userId, row.cloudConfigId);
    const password = await this.texts.open(passwordPlace(row), row.sealedPassword);
    await this.audit.record({
      ...origin,
      action: 'repository.password_revealed',
      subject: `workspace:${workspaceId}`,
    });
    return { ...resticLocation({ url: storage.urlOf(row.prefix), endpoint, folder }), password };
  }
}
