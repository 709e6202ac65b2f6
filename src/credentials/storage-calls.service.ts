import { Injectable, Logger } from '@nestjs/common';
import type { StorageLogEntry } from '../storage-providers/wrappers/logged.js';
import { Metrics } from '../telemetry/metrics.js';

/** Counts and times every call to a provider; the log has each of them when its level is `debug`. */
@Injectable()
export class StorageCalls {
  private readonly log = new Logger('Storage');
  private readonly requests;
  private readonly seconds;

  constructor(metrics: Metrics) {
    this.requests = metrics.counter(
      'stowage_storage_requests_total',
      'Calls to storage providers, retries included.',
      ['provider', 'operation', 'outcome'],
    );
    this.seconds = metrics.histogram(
      'stowage_storage_request_duration_seconds',
      'How long calls to storage providers took; a read until its first byte.',
      ['provider', 'operation'],
    );
  }

  readonly note = (entry: StorageLogEntry): void => {
    const { provider, operation, outcome, latencyMs } = entry;
    this.requests.inc({ provider, operation, outcome });
    this.seconds.observe({ provider, operation }, latencyMs / 1_000);
    this.log.debug({ ...entry, msg: 'storage call' });
  };
}
