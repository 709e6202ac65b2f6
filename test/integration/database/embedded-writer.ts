import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../../src/database/embedded/embedded-postgres.js';
import { readPidFile } from '../../../src/database/embedded/leftover-processes.js';

/*
 * A process to be killed: starts the embedded PostgreSQL in the folder named by its argument and inserts rows one
 * after the other. Writes `up <pid of PostgreSQL>` and, for each row that PostgreSQL acknowledged, `ack <id>`.
 */
const dataDir = process.argv[2]!;
const say = (line: string) => process.stdout.write(`${line}\n`);

const postgres = await startEmbeddedPostgres({ dataDir, log: (line) => process.stderr.write(`${line}\n`) });
process.once('SIGTERM', () => void postgres.stop().then(() => process.exit(0)));
for (;;) await writeWhileConnected().catch(() => pause(20));

async function writeWhileConnected(): Promise<never> {
  const client = new pg.Client({ connectionString: postgres.url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('CREATE TABLE IF NOT EXISTS acknowledged (id SERIAL PRIMARY KEY)');
    say(`up ${(await readPidFile(`${dataDir}/postgres/data`))?.pid}`);
    for (;;) {
      const { rows } = await client.query<{ id: number }>(
        'INSERT INTO acknowledged DEFAULT VALUES RETURNING id',
      );
      say(`ack ${rows[0]!.id}`);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}
