import type { DataSourceOptions } from 'typeorm';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded/embedded-postgres.js';
import { migrate } from './migrate.js';
import { useUtcTimestamps } from './timestamps.js';

export interface OpenDatabaseOptions {
  /** Absent: the embedded PostgreSQL in `dataDir`. */
  readonly url: string | undefined;
  readonly dataDir: string;
  readonly migrations: DataSourceOptions['migrations'];
  readonly log: (message: string) => void;
}

/** The PostgreSQL that this process works on, up to date; its own child or somebody else's server. */
export class DatabaseServer {
  readonly url: string;
  private readonly embedded: EmbeddedPostgres | undefined;

  constructor(url: string, embedded?: EmbeddedPostgres) {
    this.url = url;
    this.embedded = embedded;
  }

  /** Ends the embedded PostgreSQL; to be called when all connections are closed. */
  async stop(): Promise<void> {
    await this.embedded?.stop();
  }
}

/** @throws DatabaseStartError */
export async function openDatabase(options: OpenDatabaseOptions): Promise<DatabaseServer> {
  useUtcTimestamps();
  const { migrations, dataDir, log } = options;
  if (options.url !== undefined) {
    await migrate({ url: options.url, migrations, log });
    return new DatabaseServer(options.url);
  }
  const embedded = await startEmbeddedPostgres({ dataDir, log });
  try {
    await migrate({ url: embedded.url, migrations, log });
    return new DatabaseServer(embedded.url, embedded);
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}
