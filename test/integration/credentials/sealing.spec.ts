import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_ENCRYPTIONS } from '../../../src/credentials/sealing/data-keys.service.js';
import { envelopeKeyIds } from '../../../src/credentials/sealing/envelope.js';
import { MasterKey } from '../../../src/credentials/sealing/master-key.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { SealingProcess } from './sealing-process.js';

const SECRETS = { key_id: '004abc', application_key: 'K004-canary-secret' };

describe('sealing', () => {
  let database: TestDatabase;
  let dataDir: string;
  let running: SealingProcess[];

  beforeEach(async () => {
    database = await createTestDatabase();
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-sealing-'));
    running = [];
  });

  afterEach(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(variables: Record<string, string> = {}): Promise<SealingProcess> {
    const one = await SealingProcess.start({ DATABASE_URL: database.url, DATA_DIR: dataDir, ...variables });
    running.push(one);
    return one;
  }

  describe('with a generated master key', () => {
    it('makes it at the first start and finds it at the next', async () => {
      const first = await start();
      const userId = await first.newUser();
      const owner = { userId, configId: 1, version: 1 };
      const sealed = await first.seal(owner, SECRETS);
      const second = await start();
      expect(await second.secrets.open(owner, sealed)).toEqual(SECRETS);
      expect(await readdir(dataDir)).toEqual(['master-key']);
    });

    it('is one installation when many servers start on an empty database together', async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => start()));
      const states = all.map(({ sealing }) => sealing.opened().installationId);
      expect(new Set(states).size).toBe(1);
    });

    it('is sealed, and makes no other key, when the file is gone', async () => {
      await start();
      await rm(join(dataDir, 'master-key'));
      const { sealing } = await start();
      expect(sealing.state).toMatchObject({ open: false, reason: 'missing_master_key' });
      expect(await readdir(dataDir)).toEqual([]);
    });

    it('is sealed, and leaves the file alone, when the file is damaged', async () => {
      await start();
      await writeFile(join(dataDir, 'master-key'), 'damaged');
      const { sealing } = await start();
      expect(sealing.state).toMatchObject({ open: false, reason: 'unreadable_key_file' });
      expect(await readFile(join(dataDir, 'master-key'), 'utf8')).toBe('damaged');
    });
  });

  describe('with the wrong master key', () => {
    it('is sealed, changes nothing, and opens again with the right one', async () => {
      const right = MasterKey.generateText();
      const first = await start({ ENCRYPTION_KEY: right });
      const userId = await first.newUser();
      const owner = { userId, configId: 1, version: 1 };
      const sealed = await first.seal(owner, SECRETS);
      const before = await everything(first);

      const wrong = await start({ ENCRYPTION_KEY: MasterKey.generateText() });
      expect(wrong.sealing.state).toMatchObject({ open: false, reason: 'wrong_master_key' });
      await expect(wrong.secrets.open(owner, sealed)).rejects.toMatchObject({ code: 'sealed' });
      await expect(wrong.seal(owner, SECRETS)).rejects.toMatchObject({ code: 'sealed' });
      expect(() => wrong.sealing.localDiskUrlSecrets()).toThrow(expect.objectContaining({ code: 'sealed' }));
      expect(await everything(first)).toEqual(before);

      const again = await start({ ENCRYPTION_KEY: right });
      expect(await again.secrets.open(owner, sealed)).toEqual(SECRETS);
    });

    it('tells which key is needed without telling anything about it', async () => {
      const right = MasterKey.generateText();
      await start({ ENCRYPTION_KEY: right });
      const { sealing } = await start({ ENCRYPTION_KEY: MasterKey.generateText() });
      const advice = sealing.state.open ? '' : sealing.state.advice;
      expect(advice).toContain(MasterKey.parse(right).id);
      expect(advice).not.toContain(right);
    });
  });

  describe('a sealed configuration', () => {
    it('does not open for another user, row or version, even in the right database', async () => {
      const one = await start();
      const [mine, theirs] = [await one.newUser(), await one.newUser()];
      const owner = { userId: mine, configId: 1, version: 1 };
      const sealed = await one.seal(owner, SECRETS);
      await one.seal({ userId: theirs, configId: 2, version: 1 }, SECRETS);
      for (const moved of [
        { ...owner, userId: theirs },
        { ...owner, configId: 2 },
        { ...owner, version: 2 },
      ]) {
        await expect(one.secrets.open(moved, sealed)).rejects.toMatchObject({
          code: 'credentials_unreadable',
        });
      }
      expect(await one.secrets.open(owner, sealed)).toEqual(SECRETS);
    });

    it('does not open for a user who was given the other user\u2019s data key row', async () => {
      const one = await start();
      const [mine, theirs] = [await one.newUser(), await one.newUser()];
      const sealed = await one.seal({ userId: mine, configId: 1, version: 1 }, SECRETS);
      await one.database.query('UPDATE data_keys SET user_id = $1', [theirs]);
      const fresh = await start();
      const moved = { userId: theirs, configId: 1, version: 1 };
      await expect(fresh.secrets.open(moved, sealed)).rejects.toMatchObject({
        code: 'credentials_unreadable',
      });
    });

    it('does not tell its secret when it cannot be opened', async () => {
      const one = await start();
      const owner = { userId: await one.newUser(), configId: 1, version: 1 };
      const sealed = await one.seal(owner, SECRETS);
      const error: Error = await one.secrets.open({ ...owner, version: 9 }, sealed).then(
        () => new Error('it opened'),
        (caught: Error) => caught,
      );
      expect(`${error.message} ${String(error.cause)}`).not.toMatch(/K004|canary|004abc/);
    });

    it('holds no plain text in the database', async () => {
      const one = await start();
      const owner = { userId: await one.newUser(), configId: 1, version: 1 };
      const sealed = await one.seal(owner, SECRETS);
      const dump =
        JSON.stringify(await everything(one)) + sealed + Buffer.from(sealed, 'base64').toString('latin1');
      expect(dump).not.toMatch(/canary|004abc/);
    });
  });

  describe('data keys', () => {
    it('are one for each user and count what they seal', async () => {
      const one = await start();
      const [mine, theirs] = [await one.newUser(), await one.newUser()];
      for (const version of [1, 2, 3]) await one.seal({ userId: mine, configId: 1, version }, SECRETS);
      await one.seal({ userId: theirs, configId: 2, version: 1 }, SECRETS);
      const rows = await one.database.query(
        'SELECT user_id, encryptions::integer FROM data_keys ORDER BY user_id',
      );
      expect(rows).toEqual([
        { user_id: mine, encryptions: 3 },
        { user_id: theirs, encryptions: 1 },
      ]);
    });

    it('are replaced before they wear out, and the old one still opens what it sealed', async () => {
      const one = await start();
      const userId = await one.newUser();
      const early = await one.seal({ userId, configId: 1, version: 1 }, SECRETS);
      await one.database.query('UPDATE data_keys SET encryptions = $1', [MAX_ENCRYPTIONS]);
      const late = await one.seal({ userId, configId: 1, version: 2 }, SECRETS);
      expect(envelopeKeyIds(late).dekId).not.toBe(envelopeKeyIds(early).dekId);
      const fresh = await start();
      expect(await fresh.secrets.open({ userId, configId: 1, version: 1 }, early)).toEqual(SECRETS);
      expect(await fresh.secrets.open({ userId, configId: 1, version: 2 }, late)).toEqual(SECRETS);
    });
  });

  it('gives one secret for local-disk URLs to all servers, and another to another installation', async () => {
    const key = MasterKey.generateText();
    const [first, second] = [await start({ ENCRYPTION_KEY: key }), await start({ ENCRYPTION_KEY: key })];
    expect(first.sealing.localDiskUrlSecrets()).toEqual(second.sealing.localDiskUrlSecrets());
    await second.database.query('TRUNCATE installation');
    const other = await start({ ENCRYPTION_KEY: key });
    expect(other.sealing.localDiskUrlSecrets()).not.toEqual(first.sealing.localDiskUrlSecrets());
  });
});

function everything({ database }: SealingProcess): Promise<unknown[]> {
  return Promise.all(
    ['installation', 'data_keys', 'cloud_configs'].map((table) =>
      database.query(`SELECT * FROM ${table} ORDER BY id`),
    ),
  );
}
