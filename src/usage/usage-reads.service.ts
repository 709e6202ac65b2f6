import { Injectable } from '@nestjs/common';
import type { RequestClass } from '../credentials/storage-meter.service.js';
import { Statements } from '../database/statements.js';
import type { ProviderName } from '../storage-providers/storage-provider.js';

export interface StoredAmount {
  readonly count: number;
  readonly bytes: number;
}

/** What lies in one bucket, by our rows. */
export interface StoredHere {
  readonly files: StoredAmount;
  readonly trash: StoredAmount;
  readonly versions: StoredAmount;
  readonly repositories: StoredAmount;
}

export interface ConfigUsed {
  readonly configId: number;
  readonly provider: ProviderName;
  readonly bucketName: string;
  readonly isActive: boolean;
  readonly stored: StoredHere;
}

export interface DoneAmounts {
  readonly requests: Readonly<Record<RequestClass, number>>;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** What URLs that were given out are good for. */
  readonly signedSentBytes: number;
  readonly signedReceivedBytes: number;
}

/** What was done with one bucket, on one day or in a period. */
export interface DoneThere extends DoneAmounts {
  readonly configId: number;
  readonly provider: ProviderName;
  /** `2026-11-22`, in UTC; the last one of a period. */
  readonly day: string;
}

/** Days in UTC, both inclusive. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

/** One part for each state: no index has the rows of both. */
const STORED = {
  name: 'usage_stored',
  text: `WITH amounts AS (
      SELECT cloud_config_id, 'files' AS kind, count(*) AS count, sum(file_size) AS bytes
        FROM cloud_files WHERE user_id = $1 AND state = 'stored' GROUP BY 1
      UNION ALL
      SELECT cloud_config_id, 'trash', count(*), sum(file_size)
        FROM cloud_files WHERE user_id = $1 AND state = 'trashed' GROUP BY 1
      UNION ALL
      SELECT cloud_config_id, 'versions', count(*), sum(file_size)
        FROM file_versions WHERE user_id = $1 AND state = 'kept' GROUP BY 1
      UNION ALL
      SELECT cloud_config_id, 'repositories', count(*), sum(stored_bytes)
        FROM repositories WHERE user_id = $1 AND state <> 'removed' GROUP BY 1
    )
    SELECT config.id, config.provider, config.bucket_name, config.is_active,
        coalesce(json_object_agg(kind, json_build_object('count', count, 'bytes', bytes))
          FILTER (WHERE kind IS NOT NULL), '{}') AS stored
      FROM cloud_configs config LEFT JOIN amounts ON amounts.cloud_config_id = config.id
      WHERE config.user_id = $1
        AND (config.is_active OR kind IS NOT NULL OR EXISTS (SELECT FROM usage_daily done
          WHERE done.user_id = $1 AND done.cloud_config_id = config.id AND done.day BETWEEN $2::date AND $3::date))
      GROUP BY config.id ORDER BY config.id`,
};

const DONE = (name: string, group: 'day' | 'period') => ({
  name,
  text: `SELECT done.cloud_config_id, config.provider, max(day)::text AS day,
        json_object_agg(request_class, requests) AS requests,
        coalesce(sum(sent_bytes) FILTER (WHERE request_class <> 'signed_write'), 0) AS sent_bytes,
        coalesce(sum(received_bytes) FILTER (WHERE request_class <> 'signed_read'), 0) AS received_bytes,
        coalesce(sum(sent_bytes) FILTER (WHERE request_class = 'signed_write'), 0) AS signed_sent_bytes,
        coalesce(sum(received_bytes) FILTER (WHERE request_class = 'signed_read'), 0) AS signed_received_bytes
      FROM (
        SELECT cloud_config_id, request_class, ${group === 'day' ? 'day' : 'max(day) AS day'},
            sum(requests) AS requests, sum(sent_bytes) AS sent_bytes, sum(received_bytes) AS received_bytes
          FROM usage_daily WHERE user_id = $1 AND day BETWEEN $2::date AND $3::date
          GROUP BY cloud_config_id, request_class${group === 'day' ? ', day' : ''}
      ) done JOIN cloud_configs config ON config.id = done.cloud_config_id
      GROUP BY done.cloud_config_id, config.provider${group === 'day' ? ', day' : ''}
      ORDER BY day, done.cloud_config_id`,
});
const DONE_BY_DAY = DONE('usage_done_by_day', 'day');
const DONE_IN_PERIOD = DONE('usage_done_in_period', 'period');

interface StoredRow {
  readonly id: number;
  readonly provider: ProviderName;
  readonly bucket_name: string;
  readonly is_active: boolean;
  readonly stored: Partial<Record<keyof StoredHere, StoredAmount>>;
}

interface DoneRow {
  readonly cloud_config_id: number;
  readonly provider: ProviderName;
  readonly day: string;
  readonly requests: Partial<Record<RequestClass, number>>;
  readonly sent_bytes: string;
  readonly received_bytes: string;
  readonly signed_sent_bytes: string;
  readonly signed_received_bytes: string;
}

const NOTHING: StoredAmount = { count: 0, bytes: 0 };
const NO_REQUESTS: DoneAmounts['requests'] = {
  write: 0,
  list: 0,
  read: 0,
  delete: 0,
  signed_write: 0,
  signed_read: 0,
};

export const NOTHING_DONE: DoneAmounts = {
  requests: NO_REQUESTS,
  sentBytes: 0,
  receivedBytes: 0,
  signedSentBytes: 0,
  signedReceivedBytes: 0,
};

/** Reads what a user's buckets hold and what was done with them. Counts every file: for people, not for each request. */
@Injectable()
export class UsageReads {
  constructor(private readonly statements: Statements) {}

  /** Of the active configuration, and of all others in which something lies or was done in the period. */
  async configs(userId: number, { from, to }: Period): Promise<ConfigUsed[]> {
    const rows = await this.statements.query<StoredRow>(STORED, [userId, from, to]);
    return rows.map(({ id, provider, bucket_name: bucketName, is_active: isActive, stored }) => ({
      configId: id,
      provider,
      bucketName,
      isActive,
      stored: {
        files: NOTHING,
        trash: NOTHING,
        versions: NOTHING,
        repositories: NOTHING,
        ...stored,
      },
    }));
  }

  /** One entry for each configuration and day on which something was done. */
  async days(userId: number, { from, to }: Period): Promise<DoneThere[]> {
    return (await this.statements.query<DoneRow>(DONE_BY_DAY, [userId, from, to])).map(doneOf);
  }

  /** One entry for each configuration with which something was done. */
  async period(userId: number, { from, to }: Period): Promise<DoneThere[]> {
    return (await this.statements.query<DoneRow>(DONE_IN_PERIOD, [userId, from, to])).map(doneOf);
  }
}

function doneOf(row: DoneRow): DoneThere {
  return {
    configId: row.cloud_config_id,
    provider: row.provider,
    day: row.day,
    requests: { ...NO_REQUESTS, ...row.requests },
    sentBytes: Number(row.sent_bytes),
    receivedBytes: Number(row.received_bytes),
    signedSentBytes: Number(row.signed_sent_bytes),
    signedReceivedBytes: Number(row.signed_received_bytes),
  };
}
