import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { AuditLog } from '../../../src/auth/audit-log.service.js';
import { Folders } from '../../../src/files/organising/folders.js';
import { Searches } from '../../../src/files/searches.js';
import { UploadServer, USER_ID } from './upload-server.js';

const ORIGIN = { userId: USER_ID };

describe('a folder that cannot be renamed in time', () => {
  let server: UploadServer;
  let other: pg.Client;

  beforeAll(async () => {
    server = await UploadServer.start();
    other = new pg.Client({ connectionString: server.database.url });
    await other.connect();
    await other.query(
      `INSERT INTO cloud_files (user_id, cloud_config_id, provider, object_key, filename, folder, file_size, cloud_url)
        SELECT ${USER_ID}, 1, 's3_compatible', 'f/' || n, 'file' || n, 'here/', 1, '' FROM generate_series(1, 3) AS n`,
    );
  });

  afterAll(async () => {
    await other.end();
    await server.stop();
  });

  const folders = (timeoutMs: number) =>
    new Folders(
      server.statements,
      new Searches(),
      server.dataSource,
      new AuditLog(server.dataSource),
      timeoutMs,
    );
  const placesOf = async () =>
    (await other.query<{ folder: string }>('SELECT folder FROM cloud_files ORDER BY id')).rows.map(
      ({ folder }) => folder,
    );

  it('stays as it is, and the answer tells what to do', async () => {
    await other.query('BEGIN');
    await other.query(`SELECT id FROM cloud_files WHERE filename = 'file2' FOR UPDATE`);
    await expect(folders(100).rename(USER_ID, 'here/', 'there/', ORIGIN)).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringContaining('Nothing was moved.'),
    });
    await other.query('ROLLBACK');
    expect(await placesOf()).toEqual(['here/', 'here/', 'here/']);
  });

  it('is renamed when nothing is in the way', async () => {
    expect(await folders(60_000).rename(USER_ID, 'here/', 'there/', ORIGIN)).toBe(3);
    expect(await placesOf()).toEqual(['there/', 'there/', 'there/']);
  });
});
