import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditEntry } from './audit-entry.entity.js';

/** Who does something, and from where. All absent: the operator's command line, or the server at its start. */
export interface AuditOrigin {
  readonly userId?: number;
  readonly apiKeyId?: string;
  readonly address?: string;
  readonly requestId?: string;
}

export interface AuditRecord extends AuditOrigin {
  /** Noun and verb, at most 60 characters: `api_key.revoked`. */
  readonly action: string;
  /** Kind and id of what it was done to, at most 200 characters: `api_key:5f0b…`. */
  readonly subject: string;
  /** Whatever explains it later. Never a secret. */
  readonly details?: object;
}

/** Writes down privileged acts. */
@Injectable()
export class AuditLog {
  constructor(private readonly database: DataSource) {}

  /**
   * @param manager of the act's own transaction, so that there is no act without its record and no record without its
   *   act. Without it the record stands alone: for acts that are not in the database.
   */
  async record(record: AuditRecord, manager: EntityManager = this.database.manager): Promise<void> {
    const { userId = null, apiKeyId = null, address = null, requestId = null } = record;
    const { action, subject, details = {} } = record;
    await manager.insert(AuditEntry, { userId, apiKeyId, action, subject, details, address, requestId });
  }
}
