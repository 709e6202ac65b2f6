import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Statements } from '../../../src/database/statements.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

const ADD = { name: 'test-add', text: 'SELECT $1::integer + $2::integer AS sum' };
const PREPARED = { name: 'test-prepared', text: 'SELECT name FROM pg_prepared_statements ORDER BY name' };
const BACKEND = { name: 'test-backend', text: 'SELECT pg_backend_pid() AS pid' };
const END = { name: 'test-end', text: 'SELECT pg_terminate_backend($1)' };
const SLEEP = { name: 'test-sleep', text: 'SELECT pg_sleep(30)' };

describe('Statements', () => {
  let database: TestDatabase;
  const opened: Statements[] = [];
  const losses: Error[] = [];

  function open(poolSize: number): Statements {
    const statements = new Statements({
      url: database.url,
      poolSize,
      onConnectionLoss: (error) => losses.push(error),
    });
    opened.push(statements);
    return statements;
  }

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((statements) => statements.close()));
  });

  afterAll(() => database.drop());

  it('prepare a statement once on a connection', async () => {
    const statements = open(1);
    for (let number = 0; number < 3; number++) {
      expect(await statements.query(ADD, [number, 1])).toEqual([{ sum: number + 1 }]);
    }
    expect(await statements.query(PREPARED, [])).toEqual([{ name: 'test-add' }, { name: 'test-prepared' }]);
  });

  it('go on after the database closed an idle connection', async () => {
    const [mine, other] = [open(1), open(1)];
    const [{ pid } = { pid: 0 }] = await mine.query<{ pid: number }>(BACKEND, []);
    losses.length = 0;
    await other.query(END, [pid]);
    await until(() => losses.length > 0);
    expect(await mine.query(ADD, [1, 1])).toEqual([{ sum: 2 }]);
  });

  it('say that the database does not answer when it goes away under a statement', async () => {
    const [mine, other] = [open(1), open(1)];
    const [{ pid } = { pid: 0 }] = await mine.query<{ pid: number }>(BACKEND, []);
    const sleeping = mine.query(SLEEP, []);
    await Promise.all([
      expect(sleeping).rejects.toMatchObject({ code: 'service_unavailable', retryable: true }),
      other.query(END, [pid]),
    ]);
  });

  it('leave the errors of a statement as they are', async () => {
    await expect(open(1).query(ADD, ['x', 1])).rejects.toMatchObject({ code: '22P02' });
  });

  it('close twice without an error', async () => {
    const statements = open(1);
    await statements.query(ADD, [1, 1]);
    await statements.close();
    await statements.close();
  });
});

describe('TIMESTAMP without time zone', () => {
  it.each(['America/Sao_Paulo', 'Asia/Kolkata', 'UTC'])('is UTC for a server in %s', async (zone) => {
    const database = await createTestDatabase();
    try {
      const hooks = join(import.meta.dirname, '../../support/typescript-hooks.mjs');
      const program = join(import.meta.dirname, 'timestamps-elsewhere.ts');
      const out = execFileSync(process.execPath, ['--import', hooks, program, database.url], {
        env: { PATH: process.env.PATH, TZ: zone },
        encoding: 'utf8',
      });
      const { offsetMinutes, written, read, stored, ageMs } = JSON.parse(out) as Record<string, unknown>;
      expect(offsetMinutes === 0).toBe(zone === 'UTC');
      expect(stored).toBe('2026-07-01 12:34:56.789');
      expect(read).toBe(written);
      expect(Math.abs(ageMs as number)).toBeLessThan(60_000);
    } finally {
      await database.drop();
    }
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}
