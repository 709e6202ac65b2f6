import { Injectable, Logger } from '@nestjs/common';
import type { OpenOptions } from '../storage-providers/open-storage.js';
import type { StorageLogEntry } from '../storage-providers/wrappers/logged.js';
import { Metrics } from '../telemetry/metrics.js';
import { StorageMeter } from './storage-meter.service.js';

/** Counts and times every call to a provider; the log has each of them when its level is `debug`. */
@Injectable()
export class StorageCalls {
  private readonly log = new Logger('Storage');
  private readonly requests;
  private readonly seconds;

  constructor(
    private readonly meter: StorageMeter,
    metrics: Metrics,
  ) {
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

  /** What the storage of a configuration is opened with, so that its calls are counted for it. */
  of(configId: number): Pick<OpenOptions, 'log' | 'signed'> {
    return {
      log: (entry) => {
        this.note(entry);
        this.meter.called(configId, entry);
      },
      signed: (entry) => this.meter.signed(configId, entry),
    };
  }

  private note(entry: StorageLogEntry): void {
    const { provider, operation, outcome, latencyMs } = entry;
    this.requests.inc({ provider, operation, outcome });
    this.seconds.observe({ provider, operation }, latencyMs / 1_000);
    this.log.debug({ ...entry, msg: 'storage call' });
  }
}
