import { Injectable } from '@nestjs/common';
import { Clock } from '../config/clock.js';
import { RequestError } from '../errors/request-errors.js';
import { Metrics } from '../telemetry/metrics.js';
import {
  connectionTestResult,
  testConnection,
  type ConnectionTestEvent,
} from '../storage-providers/connection-test.js';
import type { ConnectionTestResult } from '../storage-providers/connection-checks/fold-result.js';
import type { ProviderSettings, StorageProvider } from '../storage-providers/storage-provider.js';
import { ConnectionContexts } from './connection-contexts.service.js';

/** At the same time, for one user and for this process: a test opens connections to where the user says. */
const TESTS_PER_USER = 4;
const TESTS_PER_PROCESS = 64;

/** Runs connection tests of users' settings, a bounded number at a time. */
@Injectable()
export class ConnectionTests {
  private readonly running = new Map<number, number>();
  private total = 0;
  private readonly tests;

  constructor(
    private readonly contexts: ConnectionContexts,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.tests = metrics.counter(
      'stowage_connection_tests_total',
      'Connection tests that ran to their end.',
      ['provider', 'outcome'],
    );
  }

  /**
   * The events of one test; its slot is held until they end.
   * @throws RequestError `rate_limited` when too many tests are running; the reason of `signal` when it aborts
   */
  async *events(
    userId: number,
    provider: StorageProvider,
    settings: ProviderSettings,
    signal?: AbortSignal,
  ): AsyncGenerator<ConnectionTestEvent, void, void> {
    this.takeSlot(userId);
    try {
      const options = { signal, now: () => this.clock.now() };
      for await (const event of testConnection(provider, settings, this.contexts.of(userId), options)) {
        if (event.type === 'result') this.count(provider, event.result);
        yield event;
      }
    } finally {
      this.freeSlot(userId);
    }
  }

  /** @throws like `events` */
  result(...args: Parameters<ConnectionTests['events']>): Promise<ConnectionTestResult> {
    return connectionTestResult(this.events(...args));
  }

  private count(provider: StorageProvider, { success }: ConnectionTestResult): void {
    this.tests.inc({ provider: provider.name, outcome: success ? 'success' : 'failure' });
  }

  private takeSlot(userId: number): void {
    const mine = this.running.get(userId) ?? 0;
    if (mine >= TESTS_PER_USER || this.total >= TESTS_PER_PROCESS) {
      throw new RequestError('rate_limited', 'Too many connection tests are running. Wait until one ended.', {
        retryable: true,
        retryAfterMs: 5_000,
      });
    }
    this.running.set(userId, mine + 1);
    this.total += 1;
  }

  private freeSlot(userId: number): void {
    const left = (this.running.get(userId) ?? 1) - 1;
    if (left > 0) this.running.set(userId, left);
    else this.running.delete(userId);
    this.total -= 1;
  }
}
