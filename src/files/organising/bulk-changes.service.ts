import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditLog, type AuditOrigin } from '../../auth/audit-log.service.js';
import { invalidFolder, invalidTags } from '../file-errors.js';
import { FileTrash } from '../file-trash.service.js';
import { cleanFolder } from '../folder-path.js';
import { cleanTags, MAX_TAGS } from '../tags.js';

export const BULK_ACTIONS = ['move', 'trash', 'tag', 'untag', 'restore', 'protect'] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

export interface BulkChange {
  readonly action: BulkAction;
  readonly ids: readonly number[];
  /** Where to move them. */
  readonly folder?: string;
  /** To add or take away. */
  readonly tags?: readonly string[];
  /** Whether to protect them, or to take the protection back. */
  readonly protected: boolean;
}

/** `$3` is the value; rows are locked in one order, so that two such changes cannot deadlock. */
const changing = (set: string, where = 'true') => `UPDATE cloud_files f SET ${set} FROM (
    SELECT id FROM cloud_files WHERE user_id = $1 AND id = ANY ($2::integer[]) AND state = 'stored'
    ORDER BY id FOR UPDATE) chosen
  WHERE f.id = chosen.id AND ${where} RETURNING f.id`;

const TAGGED = `ARRAY(SELECT DISTINCT tag COLLATE "C" FROM unnest(f.tags || $3::text[]) tag ORDER BY 1)`;
const MOVE = changing('folder = $3');
const TAG = changing(`tags = ${TAGGED}`, `cardinality(${TAGGED}) <= ${MAX_TAGS}`);
const UNTAG = changing('tags = ARRAY(SELECT tag FROM unnest(f.tags) tag WHERE tag <> ALL ($3::text[]))');
const PROTECT = changing('protected = $3');

/** The same change of many files in one statement. Absent files, and those that it cannot apply to, stay as they are. */
@Injectable()
export class BulkChanges {
  constructor(
    private readonly database: DataSource,
    private readonly trash: FileTrash,
    private readonly audit: AuditLog,
  ) {}

  /** @returns ids of the changed files. @throws FilesError `invalid_folder`, `invalid_tags` */
  async apply(userId: number, change: BulkChange, origin: AuditOrigin): Promise<number[]> {
    const { action, ids } = change;
    switch (action) {
      case 'move':
        if (change.folder === undefined) throw invalidFolder('say where to move the files.');
        return this.update(userId, ids, MOVE, cleanFolder(change.folder));
      case 'tag':
        return this.update(userId, ids, TAG, tagsOf(change));
      case 'untag':
        return this.update(userId, ids, UNTAG, tagsOf(change));
      case 'protect':
        return this.protect(userId, change, origin);
      case 'trash':
        return this.trash.trashEach(userId, ids, 'user', origin);
      case 'restore':
        return this.trash.restoreEach(userId, ids, origin);
    }
  }

  private async update(
    userId: number,
    ids: readonly number[],
    sql: string,
    value: unknown,
  ): Promise<number[]> {
    const [rows] = await this.database.query<[{ id: number }[], number]>(sql, [userId, ids, value]);
    return rows.map(({ id }) => id);
  }

  private async protect(userId: number, change: BulkChange, origin: AuditOrigin): Promise<number[]> {
    return this.database.transaction(async (manager) => {
      const values = [userId, change.ids, change.protected];
      const [rows] = await manager.query<[{ id: number }[], number]>(PROTECT, values);
      const ids = rows.map(({ id }) => id);
      const action = change.protected ? 'file.protected' : 'file.unprotected';
      const record = { action, subject: `user:${userId}`, details: { file_ids: ids } };
      if (ids.length > 0) await this.audit.record({ ...origin, ...record }, manager);
      return ids;
    });
  }
}

function tagsOf({ tags }: BulkChange): string[] {
  if (tags === undefined || tags.length === 0) throw invalidTags('say which.');
  return cleanTags(tags);
}
