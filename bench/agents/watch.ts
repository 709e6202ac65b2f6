import { readFileSync } from 'node:fs';
import pg from 'pg';
import { CpuReading, loadAverage, peakRssMib, resetPeakRss } from '../files/process-meter.ts';
import { DATABASE, type Stage } from './stage.ts';

/** What the server needed over a while. */
export interface ServerCost {
  readonly seconds: number;
  /** Of one core. */
  readonly cpuPercent: number;
  readonly databaseCpuPercent: number;
  readonly peakRssMib: number;
  /** The most that were open at a look. */
  readonly httpConnections: number;
  readonly databaseConnections: number;
  readonly statementsPerSecond: number;
  readonly loadAverage: number;
}

const LOOK_MS = 2_000;
const ESTABLISHED = '01';

/** Measures the server from now until the answered function is called. */
export async function watchServer({ server, postgres, port }: Stage): Promise<() => Promise<ServerCost>> {
  const client = new pg.Client({ connectionString: postgres.url(DATABASE) });
  await client.connect();
  const most = { http: 0, database: 0 };
  const look = async (): Promise<void> => {
    most.http = Math.max(most.http, connectionsTo(port));
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()`,
      [DATABASE],
    );
    most.database = Math.max(most.database, Number(rows[0]?.count));
  };
  resetPeakRss(server.pid);
  const readings = () => ({ server: new CpuReading(server.pid), database: new CpuReading(postgres.pid) });
  const before = readings();
  const statements = await postgres.statements(DATABASE);
  const startedMs = performance.now();
  const looking = setInterval(() => void look(), LOOK_MS);
  return async () => {
    clearInterval(looking);
    await look();
    const seconds = (performance.now() - startedMs) / 1_000;
    const after = readings();
    const cost = {
      seconds,
      cpuPercent: (after.server.since(before.server) / seconds) * 100,
      databaseCpuPercent: (after.database.since(before.database) / seconds) * 100,
      peakRssMib: peakRssMib(server.pid),
      httpConnections: most.http,
      databaseConnections: most.database,
      statementsPerSecond: ((await postgres.statements(DATABASE)) - statements) / seconds,
      loadAverage: loadAverage(),
    };
    await client.end();
    return cost;
  };
}

/** Open TCP connections to a local port, seen from its side. */
function connectionsTo(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1),
  );
  return lines.filter((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return local.endsWith(suffix) && state === ESTABLISHED;
  }).length;
}
