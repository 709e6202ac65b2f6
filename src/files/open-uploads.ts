import type { Statements } from '../database/statements.js';
import { tooManyOpenUploads } from './file-errors.js';
import { MAX_OPEN_UPLOADS } from './upload-limits.js';

const COUNT = {
  name: 'uploads_count_open',
  text: `SELECT count(*)::integer AS open FROM
    (SELECT FROM uploads WHERE user_id = $1 AND ended_at IS NULL LIMIT $2) AS counted`,
};

/** How many uploads of more than one request each user may have under way, whatever their kind. */
export class OpenUploads {
  constructor(private readonly statements: Statements) {}

  /** Soft: uploads that are begun at the same time are admitted together. @throws FilesError `too_many_uploads` */
  async assertRoom(userId: number): Promise<void> {
    const [row] = await this.statements.query<{ open: number }>(COUNT, [userId, MAX_OPEN_UPLOADS]);
    if (row!.open >= MAX_OPEN_UPLOADS) throw tooManyOpenUploads(MAX_OPEN_UPLOADS);
  }
}
