import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { readProcessEnvironment } from '../config/read-environment.js';
import { MasterKey } from '../credentials/sealing/master-key.js';
import {
  rotateMasterKey,
  type RotationReport,
  type RotationSession,
} from '../credentials/sealing/rotate-master-key.js';
import { startEmbeddedPostgres, runningEmbeddedPostgres } from '../database/embedded/embedded-postgres.js';

/*
 * Replaces the master key. Servers may go on working if they were restarted with both keys first:
 *   1. ENCRYPTION_KEY = the new key, ENCRYPTION_KEY_PREVIOUS = the old one, on every server
 *   2. npm run rotate-key, with the same two; interrupted, run it again
 *   3. remove ENCRYPTION_KEY_PREVIOUS
 * Backups of the database made before need the old key: keep it as long as them.
 *   --batch-size N  data keys in one transaction (100)    --json  one JSON line a step
 */
const { values } = parseArgs({
  options: {
    'batch-size': { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  let close: (() => Promise<void>) | undefined;
  try {
    const environment = readProcessEnvironment();
    const keys = masterKeys(environment.ENCRYPTION_KEY, environment.ENCRYPTION_KEY_PREVIOUS);
    const database = await openDatabase(environment.DATABASE_URL, resolve(environment.DATA_DIR));
    close = database.close;
    const report = await rotateMasterKey(database.session, keys, {
      batchSize: batchSize(values['batch-size']),
      onProgress: (step, rows) => say({ message_type: 'progress', step, rows }, `  ${step}: ${rows}`),
    });
    say({ message_type: 'summary', ...report, kek_id: keys.current.id }, summary(report, keys.current));
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (values.json) say({ message_type: 'error', message }, '');
    else process.stderr.write(`${message}\n`);
    return 1;
  } finally {
    await close?.();
  }
}

function masterKeys(current: string | undefined, previous: string | undefined) {
  if (current && previous) return { current: MasterKey.parse(current), previous: MasterKey.parse(previous) };
  throw new Error(
    'Set ENCRYPTION_KEY to the new master key and ENCRYPTION_KEY_PREVIOUS to the one that is being replaced ' +
      '(or the same names with _FILE). A generated key is the content of DATA_DIR/master-key.',
  );
}

function batchSize(text: string): number {
  const size = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (size < 1) throw new Error('--batch-size must be a number from 1 to 99999.');
  return size;
}

/** One connection to the database that the servers use; an embedded one is started if no server has it open. */
async function openDatabase(url: string | undefined, dataDir: string) {
  const running = url ?? (await runningEmbeddedPostgres(dataDir));
  const own =
    running === undefined ? await startEmbeddedPostgres({ dataDir, log: () => undefined }) : undefined;
  const client = new pg.Client({
    connectionString: running ?? own?.url,
    application_name: 'stowage rotate-key',
  });
  try {
    await client.connect();
  } catch (error) {
    await own?.stop();
    throw error;
  }
  const session: RotationSession = {
    query: async <Row>(text: string, parameters: readonly unknown[] = []) =>
      (await client.query(text, [...parameters])).rows as Row[],
  };
  return {
    session,
    close: async () => {
      await client.end();
      await own?.stop();
    },
  };
}

function summary(report: RotationReport, key: MasterKey): string {
  return [
    `Master key ${key.id} now wraps all ${report.verifiedDataKeys} data keys (${report.rewrappedDataKeys} in this run).`,
    'Remove ENCRYPTION_KEY_PREVIOUS from the servers. Keep the old key as long as backups that need it.',
  ].join('\n');
}

function say(fields: object, text: string): void {
  process.stdout.write(`${values.json ? JSON.stringify(fields) : text}\n`);
}
