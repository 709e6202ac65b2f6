import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';

const ROUNDS = 4;
const ACKS_A_ROUND = 30;

describe('kill -9 and the embedded PostgreSQL', () => {
  let dataDir: string;
  const writers: Writer[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'stowage-kill-'));
  });

  afterEach(async () => {
    for (const writer of writers.splice(0)) await writer.kill();
    await rm(dataDir, { recursive: true, force: true });
  });

  function startWriter(): Writer {
    const writer = new Writer(dataDir);
    writers.push(writer);
    return writer;
  }

  it('of the server loses no acknowledged row and leaves no PostgreSQL behind', async () => {
    const acknowledged = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      const writer = startWriter();
      await writer.acks(ACKS_A_ROUND);
      await writer.kill();
      for (const id of writer.acknowledged) acknowledged.add(id);
    }
    expect(acknowledged.size).toBeGreaterThanOrEqual(ROUNDS * ACKS_A_ROUND);
    expect(await missingRows(dataDir, acknowledged)).toEqual([]);
  });

  it('of PostgreSQL loses no acknowledged row; the server starts it again at the same URL', async () => {
    const writer = startWriter();
    for (let round = 1; round <= ROUNDS; round++) {
      await writer.ups(round);
      await writer.acks(round * ACKS_A_ROUND);
      process.kill(writer.postmasters.at(-1)!, 'SIGKILL');
    }
    await writer.ups(ROUNDS + 1);
    await writer.terminate();
    expect(new Set(writer.postmasters).size).toBe(ROUNDS + 1);
    expect(await missingRows(dataDir, writer.acknowledged)).toEqual([]);
  });
});

/** Runs embedded-writer.ts and hears it. */
class Writer {
  readonly acknowledged = new Set<number>();
  readonly postmasters: number[] = [];
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private errors = '';

  constructor(dataDir: string) {
    const hooks = join(import.meta.dirname, '../support/typescript-hooks.mjs');
    const program = join(import.meta.dirname, '../integration/database/embedded-writer.ts');
    this.child = spawn(process.execPath, ['--import', hooks, program, dataDir], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.closed = once(this.child, 'close');
    this.child.stderr!.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const [word, number] = line.split(' ');
      if (word === 'ack') this.acknowledged.add(Number(number));
      else this.postmasters.push(Number(number));
      this.child.emit('heard');
    });
  }

  acks(count: number): Promise<void> {
    return this.until(() => this.acknowledged.size >= count);
  }

  ups(count: number): Promise<void> {
    return this.until(() => this.postmasters.length >= count);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.closed;
  }

  async terminate(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.closed;
  }

  private async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.child.exitCode !== null) throw new Error(`The writer ended.\n${this.errors}`);
      await Promise.race([once(this.child, 'heard'), this.closed]);
    }
  }
}

/** Starting here also shows that nobody holds the data directory any more. */
async function missingRows(dataDir: string, acknowledged: ReadonlySet<number>): Promise<number[]> {
  const postgres = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: number }>('SELECT id FROM acknowledged');
    const found = new Set(rows.map(({ id }) => id));
    return [...acknowledged].filter((id) => !found.has(id));
  } finally {
    await client.end();
    await postgres.stop();
  }
}
