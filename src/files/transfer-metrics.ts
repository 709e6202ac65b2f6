import type { Metrics } from '../telemetry/metrics.js';

/** How much goes in and out through this server. */
export class TransferMetrics {
  private readonly bytes;
  private readonly files;

  constructor(metrics: Metrics) {
    this.files = metrics.counter(
      'stowage_files_transferred_total',
      'Files moved whole through this server.',
      ['direction'],
    );
    this.bytes = metrics.counter(
      'stowage_transferred_bytes_total',
      'Content of those files and ranges, in bytes.',
      ['direction'],
    );
  }

  uploaded(bytes: number): void {
    this.count('upload', bytes);
  }

  downloaded(bytes: number): void {
    this.count('download', bytes);
  }

  private count(direction: 'upload' | 'download', bytes: number): void {
    this.files.inc({ direction });
    this.bytes.inc({ direction }, bytes);
  }
}
