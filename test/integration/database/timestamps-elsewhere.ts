import 'reflect-metadata';
import pg from 'pg';
import { DataSource, EntitySchema } from 'typeorm';
import { useUtcTimestamps } from '../../../src/database/timestamps.js';

/* Run with TZ set: writes and reads seeds' TIMESTAMP columns through TypeORM and prints what came of it as JSON. */
const url = process.argv[2]!;
useUtcTimestamps();

const Settings = new EntitySchema<{ id: number; lastAccessed: Date; uploadedAt: Date }>({
  name: 'moments',
  columns: {
    id: { type: 'integer', primary: true },
    lastAccessed: { name: 'last_accessed', type: 'timestamp' },
    uploadedAt: { name: 'uploaded_at', type: 'timestamp', default: () => 'now()' },
  },
});
const dataSource = new DataSource({
  type: 'postgres',
  url,
  entities: [Settings],
  extra: { options: '-c timezone=UTC' },
});
await dataSource.initialize();
await dataSource.query(
  'CREATE TABLE moments (id INTEGER PRIMARY KEY, last_accessed TIMESTAMP, uploaded_at TIMESTAMP DEFAULT now())',
);
const moments = dataSource.getRepository(Settings);
const written = new Date('2026-07-01T12:34:56.789Z');
await moments.insert({ id: 1, lastAccessed: written });
const row = await moments.findOneByOrFail({ id: 1 });
await dataSource.destroy();

const client = new pg.Client({ connectionString: url });
await client.connect();
const { rows } = await client.query<{ stored: string }>('SELECT last_accessed::text AS stored FROM moments');
await client.end();
process.stdout.write(
  JSON.stringify({
    offsetMinutes: written.getTimezoneOffset(),
    written,
    read: row.lastAccessed,
    stored: rows[0]!.stored,
    ageMs: Date.now() - row.uploadedAt.getTime(),
  }),
);
