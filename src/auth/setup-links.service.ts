import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { DataSource, type EntityManager, IsNull, MoreThan } from 'typeorm';
import { Clock } from '../config/clock.js';
import { lockAdministrators } from './administrators-lock.js';
import { hashOfKey, newApiKey } from './api-key-format.js';
import { ApiKey } from './api-key.entity.js';
import { type AuditOrigin, AuditLog } from './audit-log.service.js';
import { setupLinkInvalid } from './auth-errors.js';
import { rowOfKey } from './key-row.js';
import { Sessions } from './sessions.service.js';
import { SetupLink } from './setup-link.entity.js';
import { User } from './user.entity.js';

export interface IssuedLink {
  /** To be put behind the server's URL. */
  readonly path: string;
  readonly expiresAt: Date;
}

export interface FirstAdministrator {
  readonly user: User;
  readonly apiKey: string;
  readonly sessionKey: string;
}

const VALID_MS = 30 * 60 * 1_000;
const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

/** Links that make an administrator, once and soon: nobody has to write a password into a configuration or a log. */
@Injectable()
export class SetupLinks {
  constructor(
    private readonly database: DataSource,
    private readonly sessions: Sessions,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** A link while nobody can sign in yet; undefined as soon as there is a user. */
  issueForFirstUser(): Promise<IssuedLink | undefined> {
    return this.database.transaction(async (manager) => {
      await lockAdministrators(manager);
      return (await manager.exists(User)) ? undefined : this.insert(manager);
    });
  }

  /** A link whatever users there are: for an operator whose administrators lost their keys. */
  issue(): Promise<IssuedLink> {
    return this.database.transaction(async (manager) => {
      await lockAdministrators(manager);
      return this.insert(manager);
    });
  }

  async isUsable(token: string): Promise<boolean> {
    return TOKEN.test(token) && this.database.manager.existsBy(SetupLink, this.usable(token));
  }

  /**
   * Makes an administrator with a key and a session. All links end with it.
   * @throws AuthError `setup_link_invalid`
   */
  use(origin: AuditOrigin, token: string, name: string): Promise<FirstAdministrator> {
    if (!TOKEN.test(token)) throw setupLinkInvalid();
    return this.database.transaction(async (manager) => {
      await lockAdministrators(manager);
      if (!(await manager.existsBy(SetupLink, this.usable(token)))) throw setupLinkInvalid();
      const nowMs = this.clock.now();
      await manager.update(SetupLink, { usedAt: IsNull() }, { usedAt: new Date(nowMs) });
      const user = await manager.save(User, { name, createdAt: new Date(nowMs), disabledAt: null });
      const apiKey = newApiKey('admin');
      const row = await manager.save(
        ApiKey,
        rowOfKey(apiKey, {
          userId: user.id,
          kind: 'admin',
          scopes: ['admin'],
          name: 'Setup',
          createdAtMs: nowMs,
        }),
      );
      const by = { ...origin, userId: user.id, apiKeyId: row.id };
      await this.audit.record({ ...by, action: 'setup.completed', subject: `user:${user.id}` }, manager);
      const sessionKey = await this.sessions.openWith(manager, by, row);
      return { user, apiKey, sessionKey };
    });
  }

  private async insert(manager: EntityManager): Promise<IssuedLink> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const createdAt = new Date(this.clock.now());
    const expiresAt = new Date(createdAt.getTime() + VALID_MS);
    await manager.insert(SetupLink, { tokenHash: hashOfKey(token), createdAt, expiresAt, usedAt: null });
    await this.audit.record({ action: 'setup_link.issued', subject: 'setup_link' }, manager);
    return { path: `/setup/${token}`, expiresAt };
  }

  private usable(token: string) {
    return {
      tokenHash: hashOfKey(token),
      usedAt: IsNull(),
      expiresAt: MoreThan(new Date(this.clock.now())),
    };
  }
}
