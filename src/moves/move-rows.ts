import type { Statements } from '../database/statements.js';
import type { FileMove } from './file-move.entity.js';

/** An object that some file or version of the user needs and that is not in the target yet. */
export interface NeededObject {
  /** Of the row that names it: where to go on. */
  readonly rowId: number;
  readonly configId: number;
  readonly objectKey: string;
  readonly sizeBytes: number;
  readonly checksum: string | null;
  readonly crc32: number | null;
  readonly contentType: string;
  readonly filename: string;
}

/** The two tables whose rows name objects. */
export type NamingTable = 'cloud_files' | 'file_versions';

export interface CopiedObject {
  readonly checksum: string | null;
  readonly crc32: number | null;
  readonly etag: string;
  readonly cloudUrl: string;
}

export interface UnfinishedItem {
  readonly configId: number;
  readonly sourceKey: string;
  readonly targetKey: string;
  readonly uploadId: string | undefined;
}

export interface ItemObject {
  readonly configId: number;
  readonly sourceKey: string;
  readonly targetKey: string;
}

export interface MoveCounts {
  readonly copied: number;
  readonly copiedBytes: number;
  readonly failed: number;
  readonly cleaned: number;
}

type Move = Pick<FileMove, 'id' | 'userId' | 'targetConfigId'>;

const LIVING: Readonly<Record<NamingTable, string>> = {
  cloud_files: `state IN ('stored', 'trashed')`,
  file_versions: `state = 'kept'`,
};

const NEEDED = (table: NamingTable) => ({
  name: `moves_needed_${table}`,
  text: `SELECT named.id, named.cloud_config_id, named.object_key, named.file_size, named.checksum, named.crc32,
      named.content_type, ${table === 'cloud_files' ? 'named.filename' : 'file.filename'}
    FROM ${table} named ${table === 'cloud_files' ? '' : 'JOIN cloud_files file ON file.id = named.file_id'}
    WHERE named.user_id = $1 AND named.id > $2 AND named.${LIVING[table]} AND named.cloud_config_id <> $3
      AND named.cloud_config_id = ANY ($4::integer[])
      AND NOT EXISTS (SELECT FROM file_move_items item WHERE item.move_id = $5
        AND item.source_config_id = named.cloud_config_id AND item.source_key = named.object_key)
    ORDER BY named.id LIMIT $6`,
});
const NEEDED_OF = { cloud_files: NEEDED('cloud_files'), file_versions: NEEDED('file_versions') };

/** The lock lets nobody cancel at this moment: after a move was cancelled there is no further claim. */
const CLAIM = {
  name: 'moves_claim',
  text: `INSERT INTO file_move_items (move_id, source_config_id, source_key, target_key, size_bytes)
    SELECT id, $2, $3, $4, $5 FROM file_moves WHERE id = $1 AND state IN ('copying', 'catching_up') FOR SHARE
    ON CONFLICT DO NOTHING RETURNING target_key`,
};
const NOTE_UPLOAD = {
  name: 'moves_note_upload',
  text: 'UPDATE file_move_items SET upload_id = $3 WHERE move_id = $1 AND target_key = $2',
};
const COPIED = {
  name: 'moves_copied',
  text: `UPDATE file_move_items SET state = 'copied', upload_id = NULL, checksum = $3, crc32 = $4, etag = $5, cloud_url = $6
    WHERE move_id = $1 AND target_key = $2 AND state = 'copying' RETURNING target_key`,
};
const FAILED = {
  name: 'moves_failed',
  text: `UPDATE file_move_items SET state = 'failed', upload_id = NULL, error_code = $3
    WHERE move_id = $1 AND target_key = $2 AND state = 'copying'`,
};
const GIVE_UP = {
  name: 'moves_give_up',
  text: `DELETE FROM file_move_items WHERE move_id = $1 AND target_key = $2 AND state = 'copying'`,
};
const UNFINISHED = {
  name: 'moves_unfinished',
  text: `SELECT source_config_id, source_key, target_key, upload_id FROM file_move_items
    WHERE move_id = $1 AND state = 'copying' ORDER BY source_config_id, source_key LIMIT $2`,
};
const COUNTS = {
  name: 'moves_counts',
  text: `SELECT count(*) FILTER (WHERE state IN ('copied', 'cleaned'))::integer AS copied,
      coalesce(sum(size_bytes) FILTER (WHERE state IN ('copied', 'cleaned')), 0)::text AS copied_bytes,
      count(*) FILTER (WHERE state = 'failed')::integer AS failed,
      count(*) FILTER (WHERE state = 'cleaned')::integer AS cleaned
    FROM file_move_items WHERE move_id = $1`,
};
/** Copies whose source nobody names any more, and that nobody names either: the file was deleted meanwhile. */
const UNUSED = {
  name: 'moves_unused',
  text: `SELECT item.source_config_id, item.source_key, item.target_key FROM file_move_items item
    WHERE item.move_id = $1 AND item.state = 'copied' AND (item.source_config_id, item.source_key) > ($3, $4)
      AND NOT EXISTS (SELECT FROM cloud_files WHERE cloud_config_id = $2 AND object_key = item.target_key)
      AND NOT EXISTS (SELECT FROM file_versions WHERE cloud_config_id = $2 AND object_key = item.target_key)
      AND NOT EXISTS (SELECT FROM cloud_files
        WHERE cloud_config_id = item.source_config_id AND object_key = item.source_key)
      AND NOT EXISTS (SELECT FROM file_versions
        WHERE cloud_config_id = item.source_config_id AND object_key = item.source_key)
    ORDER BY item.source_config_id, item.source_key LIMIT $5`,
};
/** Objects of which a copy is in use, and that nobody names any more. */
const OLD = {
  name: 'moves_old_objects',
  text: `SELECT item.source_config_id, item.source_key, item.target_key FROM file_move_items item
    WHERE item.move_id = $1 AND item.state = 'copied' AND item.source_config_id = $2
      AND NOT EXISTS (SELECT FROM cloud_files
        WHERE cloud_config_id = item.source_config_id AND object_key = item.source_key)
      AND NOT EXISTS (SELECT FROM file_versions
        WHERE cloud_config_id = item.source_config_id AND object_key = item.source_key)
    ORDER BY item.source_key LIMIT $3`,
};
const CLEANED = {
  name: 'moves_cleaned',
  text: `UPDATE file_move_items SET state = 'cleaned' WHERE move_id = $1 AND target_key = ANY ($2::text[])`,
};
const ALL_COPIES = {
  name: 'moves_all_copies',
  text: `SELECT source_config_id, source_key, target_key FROM file_move_items WHERE move_id = $1
    ORDER BY source_config_id, source_key LIMIT $2`,
};
const FORGET = {
  name: 'moves_forget',
  text: 'DELETE FROM file_move_items WHERE move_id = $1 AND target_key = ANY ($2::text[])',
};
const FORGET_FAILED = {
  name: 'moves_forget_failed',
  text: `DELETE FROM file_move_items WHERE move_id = $1 AND state = 'failed'`,
};
const SOURCES = {
  name: 'moves_sources',
  text: `SELECT cloud_config_id AS id, count(*)::integer AS objects, sum(file_size)::text AS bytes FROM (
      SELECT cloud_config_id, file_size FROM cloud_files
        WHERE user_id = $1 AND ${LIVING.cloud_files} AND cloud_config_id <> $2
      UNION ALL SELECT cloud_config_id, file_size FROM file_versions
        WHERE user_id = $1 AND ${LIVING.file_versions} AND cloud_config_id <> $2
    ) named GROUP BY 1 ORDER BY 1`,
};
/** Uploads into another bucket than the target that began before the switch and may still become files there. */
const UNDER_WAY = {
  name: 'moves_uploads_under_way',
  text: `SELECT EXISTS (SELECT FROM cloud_files
      WHERE user_id = $1 AND cloud_config_id <> $2 AND state = 'pending' AND uploaded_at > now() - interval '1 day')
    OR EXISTS (SELECT FROM uploads WHERE user_id = $1 AND cloud_config_id <> $2 AND ended_at IS NULL
      AND expires_at > now()) AS under_way`,
};
const SOURCE_IDS = {
  name: 'moves_source_ids',
  text: 'SELECT DISTINCT source_config_id AS id FROM file_move_items WHERE move_id = $1 ORDER BY 1',
};

interface NeededRow {
  readonly id: number;
  readonly cloud_config_id: number;
  readonly object_key: string;
  readonly file_size: string;
  readonly checksum: string | null;
  readonly crc32: string | null;
  readonly content_type: string;
  readonly filename: string;
}

interface ItemRow {
  readonly source_config_id: number;
  readonly source_key: string;
  readonly target_key: string;
  readonly upload_id?: string | null;
}

/** Reads and writes what a move knows of objects. */
export class MoveRows {
  constructor(private readonly statements: Statements) {}

  async needed(
    move: Move,
    table: NamingTable,
    position: { readonly afterId: number; readonly configIds: readonly number[]; readonly limit: number },
  ): Promise<NeededObject[]> {
    const { userId, targetConfigId, id } = move;
    const { afterId, configIds, limit } = position;
    const values = [userId, afterId, targetConfigId, configIds, id, limit];
    const rows = await this.statements.query<NeededRow>(NEEDED_OF[table], values);
    return rows.map((row) => ({
      rowId: row.id,
      configId: row.cloud_config_id,
      objectKey: row.object_key,
      sizeBytes: Number(row.file_size),
      checksum: row.checksum,
      crc32: row.crc32 === null ? null : Number(row.crc32),
      contentType: row.content_type,
      filename: row.filename,
    }));
  }

  /** Before the first byte is sent, so that no copy can be forgotten. @returns false when another worker has it, or the move was cancelled */
  async claim(move: Move, object: NeededObject, targetKey: string): Promise<boolean> {
    const values = [move.id, object.configId, object.objectKey, targetKey, object.sizeBytes];
    return (await this.statements.query(CLAIM, values)).length > 0;
  }

  async noteUpload(move: Move, targetKey: string, uploadId: string): Promise<void> {
    await this.statements.query(NOTE_UPLOAD, [move.id, targetKey, uploadId]);
  }

  /** @returns false when the claim was taken away meanwhile: the copy is nobody's then */
  async copied(move: Move, targetKey: string, copy: CopiedObject): Promise<boolean> {
    const values = [move.id, targetKey, copy.checksum, copy.crc32, copy.etag, copy.cloudUrl];
    return (await this.statements.query(COPIED, values)).length > 0;
  }

  async failed(move: Move, targetKey: string, code: string): Promise<void> {
    await this.statements.query(FAILED, [move.id, targetKey, code]);
  }

  async giveUp(move: Move, targetKey: string): Promise<void> {
    await this.statements.query(GIVE_UP, [move.id, targetKey]);
  }

  async unfinished(move: Move, limit: number): Promise<UnfinishedItem[]> {
    const rows = await this.statements.query<ItemRow>(UNFINISHED, [move.id, limit]);
    return rows.map((row) => ({ ...itemOf(row), uploadId: row.upload_id ?? undefined }));
  }

  async counts(move: Pick<Move, 'id'>): Promise<MoveCounts> {
    const [row] = await this.statements.query<MoveCounts & { copied_bytes: string }>(COUNTS, [move.id]);
    const { copied, failed, cleaned, copied_bytes } = row!;
    return { copied, failed, cleaned, copiedBytes: Number(copied_bytes) };
  }

  async unused(move: Move, after: ItemObject | undefined, limit: number): Promise<ItemObject[]> {
    const values = [move.id, move.targetConfigId, after?.configId ?? 0, after?.sourceKey ?? '', limit];
    return (await this.statements.query<ItemRow>(UNUSED, values)).map(itemOf);
  }

  async oldObjects(move: Move, configId: number, limit: number): Promise<ItemObject[]> {
    return (await this.statements.query<ItemRow>(OLD, [move.id, configId, limit])).map(itemOf);
  }

  async allCopies(move: Move, limit: number): Promise<ItemObject[]> {
    return (await this.statements.query<ItemRow>(ALL_COPIES, [move.id, limit])).map(itemOf);
  }

  async cleaned(move: Move, targetKeys: readonly string[]): Promise<void> {
    await this.statements.query(CLEANED, [move.id, targetKeys]);
  }

  async forget(move: Move, targetKeys: readonly string[]): Promise<void> {
    await this.statements.query(FORGET, [move.id, targetKeys]);
  }

  async forgetFailed(move: Pick<Move, 'id'>): Promise<void> {
    await this.statements.query(FORGET_FAILED, [move.id]);
  }

  /** Configurations other than the target with what files and versions need of them. */
  async sources(move: Pick<Move, 'userId' | 'targetConfigId'>) {
    const values = [move.userId, move.targetConfigId];
    const rows = await this.statements.query<{ id: number; objects: number; bytes: string }>(SOURCES, values);
    return rows.map(({ id, objects, bytes }) => ({ configId: id, objects, bytes: Number(bytes) }));
  }

  async sourceIds(move: Move): Promise<number[]> {
    return (await this.statements.query<{ id: number }>(SOURCE_IDS, [move.id])).map(({ id }) => id);
  }

  async hasUploadsUnderWay(move: Move): Promise<boolean> {
    const values = [move.userId, move.targetConfigId];
    const [row] = await this.statements.query<{ under_way: boolean }>(UNDER_WAY, values);
    return row!.under_way;
  }
}

function itemOf(row: ItemRow): ItemObject {
  return { configId: row.source_config_id, sourceKey: row.source_key, targetKey: row.target_key };
}
