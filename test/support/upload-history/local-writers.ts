import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { contentOf, sha256, type UploadPath, type WriterWorld } from './writers.js';

/*
 * Files on the servers' own disk: whoever registers one is told that it is there once its state is `synced`.
 */

const KIB = 1024;
const SIZES = [0, 900, 70 * KIB, 300 * KIB, 900 * KIB];
/** A server that was killed keeps its lease for 30 s; who does not wait so long never learns the outcome. */
const WAIT_MS = 20_000;
const LOOK_AGAIN_MS = 150;
const CONNECT_MS = 5_000;

interface LocalFile {
  readonly id: number;
  readonly state: string;
  readonly cloud_file_id: number | null;
}

/** By a request. */
export const local: UploadPath = async (world, name) => {
  const { path, acknowledge } = await written(world, name);
  const { id } = await world.api.json<LocalFile>('POST', '/api/v1/local-files', { path });
  acknowledge(await synced(world, id));
};

/** By a row that the application writes itself. */
export const localRow: UploadPath = async (world, name) => {
  const { user } = await world.api.json<{ user: { id: number } }>('GET', '/api/v1/me');
  const { path, sizeBytes, acknowledge } = await written(world, name);
  const id = await insertRow(world.databaseUrl, [user.id, name, path, sizeBytes]);
  acknowledge(await synced(world, id));
};

async function written({ history, random, folder }: WriterWorld, name: string) {
  const content = contentOf(name, random.pick(SIZES));
  const path = join(folder, name);
  await writeFile(path, content);
  return { path, sizeBytes: content.length, acknowledge: history.invoke(name, sha256(content)) };
}

async function insertRow(databaseUrl: string, values: readonly unknown[]): Promise<number> {
  const application = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
  });
  // PostgreSQL may be killed at any time.
  application.on('error', () => undefined);
  try {
    await application.connect();
    const { rows } = await application.query<{ id: number }>(
      'INSERT INTO pixe_files (user_id, filename, file_path, file_size) VALUES ($1, $2, $3, $4) RETURNING id',
      [...values],
    );
    return rows[0]!.id;
  } finally {
    await application.end().catch(() => undefined);
  }
}

/** @returns the id of its cloud file @throws Error when that takes too long to wait for */
async function synced({ api }: WriterWorld, id: number): Promise<number> {
  const untilMs = Date.now() + WAIT_MS;
  while (Date.now() < untilMs) {
    // A server that was killed over it does not say no.
    const known = await api.json<LocalFile>('GET', `/api/v1/local-files/${id}`).catch(() => undefined);
    if (known?.state === 'synced' && known.cloud_file_id !== null) return known.cloud_file_id;
    await sleep(LOOK_AGAIN_MS);
  }
  throw new Error(`The local file ${id} is not uploaded yet.`);
}
