import pg from 'pg';
import type { Api } from '../server.ts';
import type { Asker } from './answers.ts';
import { FILE_SORTS, type FileSort, type MiddleFile } from './questions.ts';

const COLUMNS = `id, filename, folder, file_size::float8 AS file_size,
  to_char(uploaded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS uploaded_at`;

const ORDER: Readonly<Record<FileSort, string>> = {
  id: 'id',
  filename: 'filename COLLATE "C", id',
  folder: 'folder COLLATE "C", filename COLLATE "C", id',
  file_size: 'file_size, id',
  uploaded_at: 'uploaded_at, id',
};

const OF_USER = `FROM cloud_files WHERE user_id = $1 AND state = 'stored'`;

/** Looks up what one user's questions need to know. */
export async function askerOf(databaseUrl: string, api: Api, userId: number, files: number): Promise<Asker> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const middle = new Map<FileSort, MiddleFile>();
    for (const sort of FILE_SORTS) {
      const { rows } = await client.query<MiddleFile>(
        `SELECT ${COLUMNS} ${OF_USER} ORDER BY ${ORDER[sort]} LIMIT 1 OFFSET $2`,
        [userId, Math.floor(files / 2)],
      );
      middle.set(sort, rows[0]!);
    }
    const { rows } = await client.query<{ id: number; checksum: string }>(
      `SELECT id, checksum ${OF_USER} ORDER BY version DESC, id LIMIT 1`,
      [userId],
    );
    return {
      headers: api.headers,
      middle: (sort) => middle.get(sort)!,
      versionedId: rows[0]!.id,
      checksum: rows[0]!.checksum,
    };
  } finally {
    await client.end();
  }
}
