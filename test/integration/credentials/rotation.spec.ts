import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { envelopeKeyIds } from '../../../src/credentials/sealing/envelope.js';
import { MasterKey } from '../../../src/credentials/sealing/master-key.js';
import {
  rotateMasterKey,
  SEALED_COLUMNS,
  type RotationReport,
  type RotationSession,
} from '../../../src/credentials/sealing/rotate-master-key.js';
import type { TextPlace } from '../../../src/credentials/sealing/sealed-texts.service.js';
import { passwordPlace } from '../../../src/repositories/password-place.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { SealingProcess } from './sealing-process.js';

const USERS = 7;
/** Of one user: settings, a repository's password, a webhook's secret and the one before. */
const SEALED_BY_USER = 4;
const ALL_SEALED = USERS * SEALED_BY_USER;

interface Sealed {
  readonly userId: number;
  readonly configId: number;
  readonly version: number;
}

describe('a rotation of the master key', () => {
  const oldText = MasterKey.generateText();
  const newText = MasterKey.generateText();
  const keys = { previous: MasterKey.parse(oldText), current: MasterKey.parse(newText) };
  let database: TestDatabase;
  let dataDir: string;
  let running: SealingProcess[];
  let owners: Sealed[];

  beforeEach(async () => {
    database = await createTestDatabase();
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-rotation-'));
    running = [];
    owners = [];
    const first = await start(oldText);
    for (let user = 0; user < USERS; user += 1) await addUser(first);
  });

  afterEach(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(key: string, previous?: string): Promise<SealingProcess> {
    const one = await SealingProcess.start({
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      ENCRYPTION_KEY: key,
      ...(previous && { ENCRYPTION_KEY_PREVIOUS: previous }),
    });
    running.push(one);
    return one;
  }

  /** A user with one sealed value of each kind. */
  async function addUser(one: SealingProcess): Promise<void> {
    const owner = { userId: await one.newUser(), configId: owners.length + 1, version: 1 };
    const encrypted = await one.seal(owner, { secret: `secret of ${owner.userId}` });
    await one.database.query(
      `INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name)
       VALUES ($1, $2, 'local_disk', $3, 'b')`,
      [owner.configId, owner.userId, encrypted],
    );
    await addTexts(one, owner);
    owners.push(owner);
  }

  async function addTexts(one: SealingProcess, { userId, configId }: Sealed): Promise<void> {
    const [id, hook] = [rowIdOf(userId, 1), rowIdOf(userId, 2)];
    await one.database.transaction(async (manager) => {
      const seal = (place: TextPlace) => one.texts.seal(manager, place, `${place.field} of ${userId}`);
      await manager.query(
        `INSERT INTO repositories (id, user_id, cloud_config_id, prefix, chunker, sealed_password)
         VALUES ($1, $2, $3, '', 'gear', $4)`,
        [id, userId, configId, await seal(passwordPlace({ id, userId }))],
      );
      await manager.query(
        `INSERT INTO webhooks (id, user_id, url, sealed_secret, sealed_previous_secret)
         VALUES ($1, $2, '', $3, $4)`,
        [
          ...[hook, userId, await seal(hookPlace(userId, 'sealed_secret'))],
          await seal(hookPlace(userId, 'sealed_previous_secret')),
        ],
      );
    });
  }

  async function expectTextsReadable(one: SealingProcess, userId: number): Promise<void> {
    const [row] = await one.database.query(
      `SELECT sealed_password, sealed_secret, sealed_previous_secret
       FROM repositories r JOIN webhooks w USING (user_id) WHERE r.user_id = $1`,
      [userId],
    );
    const places = [
      passwordPlace({ id: rowIdOf(userId, 1), userId }),
      hookPlace(userId, 'sealed_secret'),
      hookPlace(userId, 'sealed_previous_secret'),
    ];
    for (const place of places)
      expect(await one.texts.open(place, row[place.field])).toBe(`${place.field} of ${userId}`);
  }

  async function expectAllReadable(one: SealingProcess): Promise<void> {
    for (const owner of owners) {
      const [row] = await one.database.query('SELECT encrypted_config FROM cloud_configs WHERE id = $1', [
        owner.configId,
      ]);
      expect(await one.secrets.open(owner, row.encrypted_config)).toEqual({
        secret: `secret of ${owner.userId}`,
      });
      await expectTextsReadable(one, owner.userId);
    }
  }

  async function rotate(batchSize = 2, dieAfterUpdates = Infinity): Promise<RotationReport> {
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await rotateMasterKey(dyingSession(client, dieAfterUpdates), keys, { batchSize });
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async function rowsNaming(kekId: string): Promise<number> {
    const one = running[0]!;
    const [row] = await one.database.query(
      `SELECT (SELECT count(*) FROM data_keys WHERE kek_id = $1)
            + (SELECT count(*) FROM installation WHERE kek_id = $1) AS named`,
      [kekId],
    );
    const sealed = SEALED_COLUMNS.map(({ table, column }) => `SELECT ${column} AS text FROM ${table}`);
    const texts: { text: string }[] = await one.database.query(
      [...sealed, 'SELECT wrapped_key FROM data_keys'].join(' UNION ALL '),
    );
    return Number(row.named) + texts.filter(({ text }) => envelopeKeyIds(text).kekId === kekId).length;
  }

  it('leaves nothing on the old key and everything readable with the new one alone', async () => {
    const report = await rotate();
    expect(report).toEqual({
      rewrappedDataKeys: USERS,
      relabelledValues: ALL_SEALED,
      verifiedDataKeys: USERS,
    });
    expect(await rowsNaming(keys.previous.id)).toBe(0);
    await expectAllReadable(await start(newText));
  });

  it('knows every column that holds envelopes', async () => {
    const columns: { name: string }[] = await running[0]!.database.query(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND data_type = 'text'
         AND (column_name LIKE 'sealed%' OR column_name LIKE 'encrypted%')`,
    );
    const known = SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`);
    expect(columns.map(({ name }) => name).sort()).toEqual([...known].sort());
  });

  it('changes no ciphertext of settings but the name of the key', async () => {
    const bodies = async (): Promise<string[]> => {
      const rows: { text: string }[] = await running[0]!.database.query(
        'SELECT encrypted_config AS text FROM cloud_configs ORDER BY id',
      );
      return rows.map(({ text }) => Buffer.from(text, 'base64').subarray(6).toString('hex'));
    };
    const before = await bodies();
    await rotate();
    expect(await bodies()).toEqual(before);
  });

  it('goes on where it was killed, after whichever row', async () => {
    let kills = 0;
    for (let updates = 0; ; updates += 1) {
      const done = await rotate(1, updates).catch(() => undefined);
      await expectAllReadable(await start(newText, oldText));
      if (done !== undefined) break;
      kills += 1;
    }
    expect(kills).toBeGreaterThan(0);
    expect(await rowsNaming(keys.previous.id)).toBe(0);
    await expectAllReadable(await start(newText));
  });

  it('starts sealed with the new key alone, and with the old one alone, while it is unfinished', async () => {
    await rotate(1, 3).catch(() => undefined);
    expect((await start(newText)).sealing.state).toMatchObject({ open: false, reason: 'wrong_master_key' });
    expect((await start(oldText)).sealing.state).toMatchObject({
      open: false,
      reason: 'rotation_unfinished',
    });
    await expectAllReadable(await start(newText, oldText));
  });

  it('runs while servers with both keys add users, and misses none', async () => {
    const server = await start(newText, oldText);
    let stop = false;
    const adding = (async () => {
      while (!stop) await addUser(server);
    })();
    const reports = await Promise.all([rotate(1), rotate(2)]);
    stop = true;
    await adding;
    expect(reports.reduce((sum, report) => sum + report.rewrappedDataKeys, 0)).toBeGreaterThanOrEqual(USERS);
    await addUser(server);
    const wrapped: { kek_id: string }[] = await server.database.query(
      'SELECT DISTINCT kek_id FROM data_keys',
    );
    expect(wrapped).toEqual([{ kek_id: keys.current.id }]);
    await expectAllReadable(await start(newText));
  });

  it('does nothing the second time', async () => {
    await rotate();
    expect(await rotate()).toEqual({ rewrappedDataKeys: 0, relabelledValues: 0, verifiedDataKeys: USERS });
  });

  it('refuses keys that are not those of this database', async () => {
    const other = MasterKey.parse(MasterKey.generateText());
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const session = dyingSession(client, Infinity);
    await expect(rotateMasterKey(session, { current: keys.current, previous: other })).rejects.toThrow(
      /sealed with master key/,
    );
    await expect(
      rotateMasterKey(session, { current: keys.previous, previous: keys.previous }),
    ).rejects.toThrow(/the same key/);
    await client.end();
    expect(await rowsNaming(keys.previous.id)).toBe(1 + USERS * (2 + SEALED_BY_USER));
  });

  it('stops at a data key that cannot be opened, names it and overwrites nothing', async () => {
    const one = running[0]!;
    const damaged = owners[3]!.userId;
    await one.database.query('UPDATE data_keys SET wrapped_key = reverse(wrapped_key) WHERE user_id = $1', [
      damaged,
    ]);
    await expect(rotate(100)).rejects.toThrow(new RegExp(`of user ${damaged} .* cannot be opened`));
    const [row] = await one.database.query('SELECT kek_id FROM installation');
    expect(row.kek_id).toBe(keys.previous.id);
  });

  it('keeps credentials forgotten that are forgotten meanwhile', async () => {
    await running[0]!.database.query("UPDATE cloud_configs SET encrypted_config = '' WHERE id = 1");
    owners.shift();
    expect(await rotate()).toMatchObject({ relabelledValues: ALL_SEALED - 1 });
    await expectAllReadable(await start(newText));
  });
});

function rowIdOf(userId: number, kind: number): string {
  return `00000000-0000-4000-8000-${String(userId * 10 + kind).padStart(12, '0')}`;
}

function hookPlace(userId: number, field: string): TextPlace {
  return { purpose: 'hook', userId, rowId: rowIdOf(userId, 2), field, version: 1 };
}

/** A session whose process dies right after a certain number of changed rows: nothing after them is sent. */
function dyingSession(client: pg.Client, dieAfterUpdates: number): RotationSession {
  let updates = 0;
  return {
    async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      if (updates >= dieAfterUpdates) throw new Error('killed');
      const { rows } = await client.query(text, [...values]);
      if (text.startsWith('UPDATE')) updates += 1;
      // The server sees the connection break in the middle of the transaction.
      if (updates >= dieAfterUpdates)
        (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
      return rows as Row[];
    },
  };
}
