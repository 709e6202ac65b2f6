import { Injectable } from '@nestjs/common';
import { DataSource, IsNull, LessThan } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { Clock } from '../../config/clock.js';
import { notFound } from '../../errors/request-errors.js';
import { CloudFile } from '../cloud-file.entity.js';
import type { Disposition } from '../presentation.js';
import { ShareLink } from './share-link.entity.js';
import { newShareToken } from './share-token.js';

export interface NewShare {
  readonly expiresAt: Date | null;
  readonly maxDownloads: number | null;
  readonly label: string | null;
  readonly disposition: Disposition;
  readonly filename: string | null;
}

/** A share and what opens it; nobody will see the token again. */
export interface CreatedShare {
  readonly share: ShareLink;
  readonly token: string;
}

export interface SharePosition {
  readonly fileId: number | undefined;
  /** Only shares that are older than this one. */
  readonly beforeId: number | undefined;
  readonly limit: number;
}

/** Users' own view of their share links: make, list, revoke. */
@Injectable()
export class Shares {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** @throws RequestError `not_found` for a file that is not there, in the trash, or somebody else's */
  create(
    [userId, fileId]: readonly [number, number],
    wanted: NewShare,
    origin: AuditOrigin,
  ): Promise<CreatedShare> {
    const { token, hash } = newShareToken();
    return this.database.transaction(async (manager) => {
      // So that the file is not deleted for good in between.
      const file = await manager.findOne(CloudFile, {
        select: { id: true },
        where: { id: fileId, userId, state: 'stored' },
        lock: { mode: 'for_key_share' },
      });
      if (file === null) throw notFound('file');
      const share = await manager.save(ShareLink, {
        ...wanted,
        userId,
        fileId,
        tokenHash: hash,
        createdAt: new Date(this.clock.now()),
        revokedAt: null,
        downloadCount: 0,
        lastAccessedAt: null,
      });
      const { expiresAt, maxDownloads } = wanted;
      const details = { file_id: fileId, expires_at: expiresAt, max_downloads: maxDownloads };
      await this.audit.record(
        { ...origin, action: 'share.created', subject: subjectOf(share.id), details },
        manager,
      );
      return { share, token };
    });
  }

  /** The newest first. */
  list(userId: number, { fileId, beforeId, limit }: SharePosition): Promise<ShareLink[]> {
    return this.database.manager.find(ShareLink, {
      where: {
        userId,
        ...(fileId !== undefined && { fileId }),
        ...(beforeId !== undefined && { id: LessThan(beforeId) }),
      },
      order: { id: 'DESC' },
      take: limit,
    });
  }

  /** @throws RequestError `not_found` */
  async get(userId: number, id: number): Promise<ShareLink> {
    const share = await this.database.manager.findOneBy(ShareLink, { id, userId });
    if (share === null) throw notFound('share');
    return share;
  }

  /** From the next request on its link opens nothing. What is revoked already stays so. @throws RequestError `not_found` */
  revoke(userId: number, id: number, origin: AuditOrigin): Promise<void> {
    return this.database.transaction(async (manager) => {
      const revokedAt = new Date(this.clock.now());
      const { affected } = await manager.update(
        ShareLink,
        { id, userId, revokedAt: IsNull() },
        { revokedAt },
      );
      if (affected === 0) {
        if (!(await manager.existsBy(ShareLink, { id, userId }))) throw notFound('share');
        return;
      }
      await this.audit.record({ ...origin, action: 'share.revoked', subject: subjectOf(id) }, manager);
    });
  }
}

function subjectOf(id: number): string {
  return `share:${id}`;
}
