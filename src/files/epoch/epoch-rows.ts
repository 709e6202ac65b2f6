import type { Statements } from '../../database/statements.js';
import type { EpochRow } from './judge-epoch.js';

/** What a place is told next. */
export interface NextEpoch {
  readonly bucketId: string;
  readonly epochId: string;
  readonly counter: number;
  readonly databaseId: string;
  readonly atMs: number;
}

const COLUMNS = `id, epoch_id, previous_epoch_id, counter, database_id, written_at, clock_offset_ms`;

const OF_PLACE = {
  name: 'epoch_of_place',
  text: `SELECT ${COLUMNS} FROM bucket_epochs WHERE place = $1`,
};

const CREATE = {
  name: 'epoch_create',
  text: `INSERT INTO bucket_epochs (place, id, epoch_id, counter, database_id, written_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (place) DO NOTHING RETURNING ${COLUMNS}`,
};

const ADVANCE = {
  name: 'epoch_advance',
  text: `UPDATE bucket_epochs SET previous_epoch_id = epoch_id, epoch_id = $3, counter = $4, written_at = $5
    WHERE id = $1 AND epoch_id = $2 RETURNING ${COLUMNS}`,
};

/** Sightings of another state of the rows prove nothing. */
const ADOPT = {
  name: 'epoch_adopt',
  text: `WITH adopted AS (
      INSERT INTO bucket_epochs (place, id, epoch_id, counter, database_id, written_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (place) DO UPDATE SET epoch_id = excluded.epoch_id, previous_epoch_id = NULL,
          counter = excluded.counter, database_id = excluded.database_id, written_at = excluded.written_at
        RETURNING ${COLUMNS}
    ), forgotten AS (DELETE FROM sweep_sightings WHERE bucket_id IN (SELECT id FROM adopted))
    SELECT * FROM adopted`,
};

const NOTE_CLOCK = {
  name: 'epoch_note_clock',
  text: 'UPDATE bucket_epochs SET clock_offset_ms = $3 WHERE id = $1 AND epoch_id = $2',
};

const NOTE_CONFIG = {
  name: 'epoch_note_config',
  text: `INSERT INTO swept_configs (cloud_config_id, bucket_id, looked_at) VALUES ($1, $2, $3)
    ON CONFLICT (cloud_config_id) DO UPDATE SET bucket_id = excluded.bucket_id, looked_at = excluded.looked_at`,
};

interface Row {
  readonly id: string;
  readonly epoch_id: string;
  readonly previous_epoch_id: string | null;
  readonly counter: string;
  readonly database_id: string;
  readonly written_at: Date;
  readonly clock_offset_ms: string;
}

/** The tables `bucket_epochs` and `swept_configs`. A method that returned has committed. */
export class EpochRows {
  constructor(private readonly statements: Statements) {}

  /** @param place see `placeOf` */
  async ofPlace(place: string): Promise<EpochRow | undefined> {
    const [row] = await this.statements.query<Row>(OF_PLACE, [place]);
    return row && epochRow(row);
  }

  /** @returns undefined when there is one already */
  async create(place: string, next: NextEpoch): Promise<EpochRow | undefined> {
    const [row] = await this.statements.query<Row>(CREATE, [place, ...valuesOf(next)]);
    return row && epochRow(row);
  }

  /** @returns undefined when another process was faster */
  async advance(from: EpochRow, next: NextEpoch): Promise<EpochRow | undefined> {
    const { bucketId, epochId, counter, atMs } = next;
    const values = [bucketId, from.epochId, epochId, counter, new Date(atMs)];
    const [row] = await this.statements.query<Row>(ADVANCE, values);
    return row && epochRow(row);
  }

  /** Whatever was there. */
  async adopt(place: string, next: NextEpoch): Promise<EpochRow> {
    const [row] = await this.statements.query<Row>(ADOPT, [place, ...valuesOf(next)]);
    return epochRow(row!);
  }

  async noteClock({ id, epochId }: EpochRow, clockOffsetMs: number): Promise<void> {
    await this.statements.query(NOTE_CLOCK, [id, epochId, clockOffsetMs]);
  }

  /** @param bucketId null: the place belongs to another state of the database */
  async noteConfig(configId: number, bucketId: string | null, atMs: number): Promise<void> {
    await this.statements.query(NOTE_CONFIG, [configId, bucketId, new Date(atMs)]);
  }
}

function valuesOf({ bucketId, epochId, counter, databaseId, atMs }: NextEpoch): unknown[] {
  return [bucketId, epochId, counter, databaseId, new Date(atMs)];
}

function epochRow(row: Row): EpochRow {
  return {
    id: row.id,
    epochId: row.epoch_id,
    previousEpochId: row.previous_epoch_id,
    counter: Number(row.counter),
    databaseId: row.database_id,
    writtenAtMs: row.written_at.getTime(),
    clockOffsetMs: Number(row.clock_offset_ms),
  };
}
