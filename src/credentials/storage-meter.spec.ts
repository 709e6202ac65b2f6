import { describe, expect, it } from '@jest/globals';
import type { StorageLogEntry } from '../storage-providers/wrappers/logged.js';
import { StorageMeter } from './storage-meter.service.js';

const NOON = Date.parse('2026-11-22T12:00:00Z');

function meterAt(clock: { nowMs: number } = { nowMs: NOON }) {
  return new StorageMeter({ now: () => clock.nowMs });
}

function call(operation: StorageLogEntry['operation'], more: Partial<StorageLogEntry> = {}): StorageLogEntry {
  return { provider: 'aws_s3', operation, keyBytes: 1, keyHash: '', latencyMs: 1, outcome: 'ok', ...more };
}

describe('the meter of storage calls', () => {
  it('adds up by configuration, day and class', () => {
    const clock = { nowMs: NOON };
    const meter = meterAt(clock);
    meter.called(1, call('put', { sizeBytes: 10 }));
    meter.called(1, call('upload_part', { sizeBytes: 5 }));
    meter.called(1, call('get', { receivedBytes: 7 }));
    meter.called(1, call('head'));
    meter.called(2, call('list'));
    clock.nowMs += 12 * 3_600_000;
    meter.called(1, call('delete'));
    const day = '2026-11-22';
    expect(meter.take()).toEqual([
      { configId: 1, day, requestClass: 'write', requests: 2, sentBytes: 15, receivedBytes: 0 },
      { configId: 1, day, requestClass: 'read', requests: 2, sentBytes: 0, receivedBytes: 7 },
      { configId: 2, day, requestClass: 'list', requests: 1, sentBytes: 0, receivedBytes: 0 },
      {
        configId: 1,
        day: '2026-11-23',
        requestClass: 'delete',
        requests: 1,
        sentBytes: 0,
        receivedBytes: 0,
      },
    ]);
    expect(meter.take()).toEqual([]);
  });

  it('counts a failed call as a request that sent nothing', () => {
    const meter = meterAt();
    meter.called(1, call('put', { sizeBytes: 10, outcome: 'storage_rate_limited' }));
    expect(meter.take()).toMatchObject([{ requests: 1, sentBytes: 0 }]);
  });

  it('counts URLs when they are given out, apart from calls', () => {
    const meter = meterAt();
    meter.signed(1, { method: 'PUT', sizeBytes: 4 });
    meter.signed(1, { method: 'GET', sizeBytes: 3 });
    meter.signed(1, { method: 'GET' });
    expect(meter.take()).toMatchObject([
      { requestClass: 'signed_write', requests: 1, sentBytes: 4, receivedBytes: 0 },
      { requestClass: 'signed_read', requests: 2, sentBytes: 0, receivedBytes: 3 },
    ]);
  });

  it('keeps what could not be written, together with what came since', () => {
    const meter = meterAt();
    meter.called(1, call('head'));
    const taken = meter.take();
    meter.called(1, call('head'));
    meter.giveBack(taken);
    expect(meter.take()).toMatchObject([{ requests: 2 }]);
  });

  it('has a bound, and tells how many requests it did not count', () => {
    const meter = meterAt();
    for (let configId = 0; configId < 60_002; configId += 1) meter.called(configId, call('head'));
    expect(meter.take()).toHaveLength(60_000);
    expect([meter.takeLost(), meter.takeLost()]).toEqual([2, 0]);
  });
});
