import type { Statements } from '../../database/statements.js';
import { shareNotFound } from '../file-errors.js';
import type { Disposition } from '../presentation.js';
import { RESUMABLE_MS } from './share-limits.js';
import { hashOfShareToken } from './share-token.js';

/** Who knocks, and with what. */
export interface ShareVisit {
  readonly token: string;
  /** Of `shareClient`. */
  readonly client: Buffer;
}

/** A share whose link opens its file for this client now. */
export interface OpenShare {
  readonly id: number;
  readonly userId: number;
  readonly fileId: number;
  readonly disposition: Disposition;
  readonly filename: string | undefined;
  /** Whether a download of this client was counted within the last day. */
  readonly isBegun: boolean;
}

interface ShareRow {
  readonly id: number;
  readonly user_id: number;
  readonly file_id: number;
  readonly disposition: Disposition;
  readonly filename: string | null;
  readonly is_begun: boolean;
}

/** Neither revoked nor over. $1 is now. */
const LASTS = 's.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > $1)';
const IS_LEFT = '(s.max_downloads IS NULL OR s.download_count < s.max_downloads)';

const FIND = {
  name: 'shares_find',
  text: `SELECT s.id, s.user_id, s.file_id, s.disposition, s.filename, d.share_id IS NOT NULL AS is_begun
    FROM share_links s
      JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL
      LEFT JOIN share_downloads d ON d.share_id = s.id AND d.client = $4 AND d.begun_at > $2
    WHERE s.token_hash = $3 AND ${LASTS} AND (${IS_LEFT} OR d.share_id IS NOT NULL)`,
};

/**
 * The lock on the share comes first, and what it finds is read anew behind it: so requests that come together count one
 * after the other. $5: whether a client whose download was counted begins another one.
 */
const COUNT = {
  name: 'shares_count_download',
  text: `WITH share AS (
      SELECT s.id FROM share_links s WHERE s.id = $3 AND ${LASTS} AND ${IS_LEFT} FOR UPDATE
    ), begun AS (
      INSERT INTO share_downloads AS known (share_id, client, begun_at) SELECT id, $4, $1 FROM share
      ON CONFLICT (share_id, client) DO UPDATE SET begun_at = excluded.begun_at
        WHERE $5 OR known.begun_at <= $2
      RETURNING share_id
    )
    UPDATE share_links s SET download_count = s.download_count + 1, last_accessed_at = $1
      FROM begun WHERE s.id = begun.share_id RETURNING s.id`,
};

/**
 * What links open, and how downloads are counted. A download counts when it begins: when the whole content is asked for,
 * or the first part by a client that has none. Further parts are free for that client for a day, so that a download can be
 * resumed, or fetched in pieces, and counts once; they cost no write either.
 */
export class OpenShares {
  constructor(
    private readonly statements: Statements,
    private readonly now: () => number,
  ) {}

  /**
   * Unknown, revoked, over and used up look alike, and so does the share of a user who was disabled.
   * @throws FilesError `share_not_found`
   */
  async find({ token, client }: ShareVisit): Promise<OpenShare> {
    const hash = hashOfShareToken(token);
    if (hash === undefined) throw shareNotFound();
    const [row] = await this.statements.query<ShareRow>(FIND, [...this.moments(), hash, client]);
    if (row === undefined) throw shareNotFound();
    return {
      id: row.id,
      userId: row.user_id,
      fileId: row.file_id,
      disposition: row.disposition,
      filename: row.filename ?? undefined,
      isBegun: row.is_begun,
    };
  }

  /**
   * Counts a download that is about to be sent, unless it is a further part of one. However many ask at once, no more are
   * counted than the share has left.
   * @param isPart whether it is a part of the content, not the whole
   * @throws FilesError `share_not_found` when nothing is left, or the share ended meanwhile
   */
  async count(share: OpenShare, visit: ShareVisit, isPart: boolean): Promise<void> {
    if (isPart && share.isBegun) return;
    const values = [...this.moments(), share.id, visit.client, !isPart];
    const counted = await this.statements.query(COUNT, values);
    if (counted.length > 0) return;
    // Another part of the same download may have been counted since this one looked.
    if (!isPart || !(await this.find(visit)).isBegun) throw shareNotFound();
  }

  /** Now, and since when downloads can be resumed. */
  private moments(): [Date, Date] {
    const nowMs = this.now();
    return [new Date(nowMs), new Date(nowMs - RESUMABLE_MS)];
  }
}
