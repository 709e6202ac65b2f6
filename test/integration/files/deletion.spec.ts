import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../../ormconfig.js';
import { AuditLog } from '../../../src/auth/audit-log.service.js';
import type { CloudStorages } from '../../../src/credentials/cloud-storages.service.js';
import { cloudNotConfigured } from '../../../src/credentials/credentials-error.js';
import { FileDeletion } from '../../../src/files/file-deletion.service.js';
import { FILE, UploadClient } from './upload-client.js';
import { type UploadServer, USER_ID } from './upload-server.js';

describe('deleting a file', () => {
  let client: UploadClient;
  let server: UploadServer;
  let database: DataSource;
  let deletion: FileDeletion;
  let configured = true;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    client = await UploadClient.start();
    server = client.server;
    database = await new DataSource(dataSourceOptions(server.database.url, 2)).initialize();
    const storages = {
      byConfigId: () =>
        configured ? Promise.resolve({ storage: server.storage }) : Promise.reject(cloudNotConfigured()),
    } as unknown as CloudStorages;
    deletion = new FileDeletion(server.statements, database, storages, new AuditLog(database));
  });

  afterAll(async () => {
    await database.destroy();
    await server.stop();
  });

  afterEach(async () => {
    configured = true;
    await client.reset();
    await database.query('TRUNCATE audit_log');
  });

  async function upload(): Promise<number> {
    const { files } = await client.sendForm([{ ...FILE, content: 'content' }]);
    return files![0]!.id;
  }

  const remove = (fileId: number, userId = USER_ID) =>
    deletion.delete(userId, fileId, { userId, address: '::1' });
  const audited = async () =>
    (await database.query<{ subject: string }[]>('SELECT subject FROM audit_log')).map(
      ({ subject }) => subject,
    );
  const failOnce = () =>
    server.bucket.faults.status(
      { operation: 'DeleteObject', times: 9 },
      { status: 403, code: 'AccessDenied' },
    );

  it('removes its object and its row, and is written down', async () => {
    const fileId = await upload();
    await remove(fileId);
    await client.expectNothingLeft();
    expect(await audited()).toEqual([`file:${fileId}`]);
    await expect(remove(fileId)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is not for others', async () => {
    const fileId = await upload();
    await expect(remove(fileId, 2)).rejects.toMatchObject({ code: 'not_found' });
    expect(await server.rows()).toMatchObject([{ state: 'stored' }]);
    expect(await audited()).toEqual([]);
  });

  it('hides it at once and can be repeated when the bucket fails', async () => {
    const fileId = await upload();
    failOnce();
    await expect(remove(fileId)).rejects.toMatchObject({ code: 'access_denied' });
    expect(await server.rows()).toMatchObject([{ state: 'deleting' }]);
    await expect(server.reads.one(USER_ID, fileId)).rejects.toMatchObject({ code: 'not_found' });
    server.bucket.faults.clear();
    await remove(fileId);
    await client.expectNothingLeft();
    expect(await audited()).toEqual([`file:${fileId}`]);
  });

  it('is finished later when it was interrupted at any step', async () => {
    const [afterHiding, afterObject] = [await upload(), await upload()];
    await server.statements.query(
      { name: 'test_hide', text: `UPDATE cloud_files SET state = 'deleting'` },
      [],
    );
    const rows = await server.rows();
    await server.storage.delete(rows[1]!.object_key);
    expect(afterObject).toBeGreaterThan(afterHiding);
    await deletion.resume();
    await client.expectNothingLeft();
  });

  it('goes on with the others when one cannot be finished', async () => {
    await upload();
    await upload();
    await server.statements.query(
      { name: 'test_hide', text: `UPDATE cloud_files SET state = 'deleting'` },
      [],
    );
    const fault = server.bucket.faults.status(
      { operation: 'DeleteObject' },
      { status: 403, code: 'AccessDenied' },
    );
    await deletion.resume();
    expect(fault.hits).toBe(1);
    expect(await server.rows()).toMatchObject([{ state: 'deleting' }]);
    await deletion.resume();
    await client.expectNothingLeft();
  });

  it('leaves the file listed while its bucket’s credentials are forgotten', async () => {
    const fileId = await upload();
    configured = false;
    await expect(remove(fileId)).rejects.toMatchObject({ code: 'cloud_not_configured' });
    expect(await server.rows()).toMatchObject([{ state: 'stored' }]);
  });

  it('is nobody’s act without its record', async () => {
    const fileId = await upload();
    await database.query('ALTER TABLE audit_log ADD CONSTRAINT test_full CHECK (false) NOT VALID');
    await expect(remove(fileId)).rejects.toThrow();
    await database.query('ALTER TABLE audit_log DROP CONSTRAINT test_full');
    expect(await server.rows()).toMatchObject([{ state: 'stored' }]);
    expect((await server.leftInBucket()).objects).toHaveLength(1);
  });
});
