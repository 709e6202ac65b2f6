import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Statements } from '../../../src/database/statements.js';
import { BucketEpochs, EPOCH_EVERY_MS } from '../../../src/files/epoch/bucket-epochs.js';
import { databaseIdentity } from '../../../src/files/epoch/database-identity.js';
import { EPOCH_KEY } from '../../../src/files/epoch/epoch-object.js';
import { EpochRows } from '../../../src/files/epoch/epoch-rows.js';
import { copyTestDatabase, type TestDatabase } from '../../support/database.js';
import { UploadServer } from './upload-server.js';

const INSTALLATION = randomUUID();

describe('the epoch of a bucket', () => {
  let server: UploadServer;
  /** Ahead of the machine's clock; the bucket's goes with it. */
  let aheadMs = 0;
  const copies: { statements: Statements; database: TestDatabase }[] = [];

  beforeAll(async () => {
    server = await UploadServer.start({ now: () => Date.now() + aheadMs });
  });

  afterAll(async () => {
    for (const { statements, database } of copies) {
      await statements.close();
      await database.drop();
    }
    await server.stop();
  });

  const opened = () =>
    ({
      configId: 1,
      provider: 's3_compatible',
      bucketName: 'stowage-test',
      storage: server.storage,
    }) as const;
  const epochsOf = (statements: Statements, { sameIdentity = false } = {}) =>
    new BucketEpochs({
      rows: new EpochRows(statements),
      installationId: () => INSTALLATION,
      databaseId: () => (sameIdentity ? Promise.resolve('-/-/-') : databaseIdentity(statements)),
      now: () => Date.now() + aheadMs,
    });
  const copy = async () => {
    const database = await copyTestDatabase(server.database);
    const statements = new Statements({ url: database.url, poolSize: 2, onConnectionLoss: () => undefined });
    copies.push({ statements, database });
    return statements;
  };
  const puts = () => server.bucket.log.of('PutObject').length;

  it('is written once an hour, and costs one GET in between', async () => {
    const epochs = epochsOf(server.statements);
    const before = puts();
    const id = await epochs.assertCurrent(opened());
    expect(await epochs.assertCurrent(opened())).toBe(id);
    expect(puts() - before).toBe(1);
    aheadMs += EPOCH_EVERY_MS;
    expect(await epochs.assertCurrent(opened())).toBe(id);
    expect(puts() - before).toBe(2);
    const { body } = await server.storage.get(EPOCH_KEY);
    const text = (await body.toArray()).join('');
    expect(JSON.parse(text)).toMatchObject({ installation_id: INSTALLATION, bucket_id: id, counter: 2 });
  });

  it('is one for all processes, also when they write at the same time', async () => {
    aheadMs += EPOCH_EVERY_MS;
    const all = await Promise.all(
      Array.from({ length: 4 }, () => epochsOf(server.statements).assertCurrent(opened())),
    );
    expect(new Set(all).size).toBe(1);
    expect(await epochsOf(server.statements).look(opened())).toMatchObject({ kind: 'current' });
  });

  it('is finished by the next process when one died between row and object', async () => {
    aheadMs += EPOCH_EVERY_MS;
    server.bucket.faults.status({ operation: 'PutObject' }, { status: 403, code: 'AccessDenied' });
    await expect(epochsOf(server.statements).assertCurrent(opened())).rejects.toMatchObject({
      name: 'StorageError',
    });
    server.bucket.faults.clear();
    expect(await epochsOf(server.statements).look(opened())).toMatchObject({ kind: 'unfinished' });
    await epochsOf(server.statements).assertCurrent(opened());
    expect(await epochsOf(server.statements).look(opened())).toMatchObject({ kind: 'current' });
  });

  it('locks a database that was restored from a dump at once, and never the one it was made of', async () => {
    const restored = epochsOf(await copy());
    await expect(restored.assertCurrent(opened())).rejects.toMatchObject({ code: 'reconcile_required' });
    await epochsOf(server.statements).assertCurrent(opened());
  });

  it('locks a copy of all files of the database when the bucket has seen a later epoch, for ever', async () => {
    const older = epochsOf(await copy(), { sameIdentity: true });
    const newer = epochsOf(server.statements, { sameIdentity: true });
    await older.assertCurrent(opened());
    aheadMs += EPOCH_EVERY_MS;
    await newer.assertCurrent(opened());
    for (let hour = 0; hour < 3; hour += 1) {
      await expect(older.assertCurrent(opened())).rejects.toMatchObject({ code: 'reconcile_required' });
      aheadMs += EPOCH_EVERY_MS;
    }
    await newer.assertCurrent(opened());
  });

  it('is taken over when its user decides so, and then the other database is locked out', async () => {
    const restored = epochsOf(await copy());
    await restored.adopt(opened());
    await restored.assertCurrent(opened());
    await expect(epochsOf(server.statements).assertCurrent(opened())).rejects.toThrow(/restored/);
    await epochsOf(server.statements).adopt(opened());
    await epochsOf(server.statements).assertCurrent(opened());
  });

  it('is in doubt when somebody removed its object', async () => {
    await server.storage.delete(EPOCH_KEY);
    await expect(epochsOf(server.statements).assertCurrent(opened())).rejects.toThrow(/not in the bucket/);
    await epochsOf(server.statements).adopt(opened());
  });

  it('shows a bucket whose clock is wrong', async () => {
    aheadMs += EPOCH_EVERY_MS;
    server.bucket.clockOffsetMs = 7 * 60_000;
    // Signatures are compared with the same clock: this provider does not mind.
    const outcome = await epochsOf(server.statements)
      .assertCurrent(opened())
      .then(
        () => 'current',
        (error: { code: string }) => error.code,
      );
    expect(outcome).toBe('clock_skew');
    server.bucket.clockOffsetMs = 0;
    await expect(epochsOf(server.statements).assertCurrent(opened())).rejects.toMatchObject({
      code: 'clock_skew',
    });
    aheadMs += 60_000;
    await epochsOf(server.statements).assertCurrent(opened());
  });
});
