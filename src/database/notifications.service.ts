import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import type { EntityManager } from 'typeorm';
import { DatabaseServer } from './open-database.js';

export type NotificationHandler = (payload: string) => void;

/** Before a lost connection is opened again. */
const RECONNECT_MS = 1_000;
/** `payload` of a handler after a gap: whatever may have been told meanwhile was missed. */
export const MISSED = '';

/**
 * PostgreSQL's LISTEN and NOTIFY: tells all replicas that something changed, once the change is committed. Whoever
 * listens must be able to live without: a lost connection loses what is told meanwhile, and then tells `MISSED`.
 */
@Injectable()
export class Notifications implements BeforeApplicationShutdown {
  private readonly log = new Logger(Notifications.name);
  private readonly handlers = new Map<string, Set<NotificationHandler>>();
  private client: pg.Client | undefined;
  private connecting: Promise<void> | undefined;
  private isClosed = false;

  constructor(private readonly server: DatabaseServer) {}

  /**
   * Calls `handler` for each payload told on `channel` from the moment this resolves; answers how to stop.
   * @param channel lower-case letters and underscores
   */
  async listen(channel: string, handler: NotificationHandler): Promise<() => void> {
    const handlers = this.handlers.get(channel) ?? new Set();
    handlers.add(handler);
    this.handlers.set(channel, handlers);
    await this.connected();
    await this.client?.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    return () => void handlers.delete(handler);
  }

  /** Heard when the manager's transaction is committed. @param payload at most 8,000 bytes, not empty */
  async notify(manager: EntityManager, channel: string, payload: string): Promise<void> {
    await manager.query('SELECT pg_notify($1, $2)', [channel, payload]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosed = true;
    const { client } = this;
    this.client = undefined;
    await client?.end();
  }

  private connected(): Promise<void> {
    if (this.client !== undefined || this.isClosed) return Promise.resolve();
    this.connecting ??= this.connect().finally(() => (this.connecting = undefined));
    return this.connecting;
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.server.url,
      application_name: 'stowage notifications',
      keepAlive: true,
    });
    client.on('notification', ({ channel, payload }) => this.tell(channel, payload ?? MISSED));
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client));
    await client.connect();
    for (const channel of this.handlers.keys()) await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    this.client = client;
  }

  private lost(client: pg.Client, error?: Error): void {
    if (this.client !== client || this.isClosed) return;
    this.client = undefined;
    this.log.warn(`The connection that listens for changes was lost: ${error?.message ?? 'it ended'}`);
    this.reconnectLater();
  }

  private reconnectLater(): void {
    setTimeout(() => {
      if (this.isClosed) return;
      this.connected().then(
        () => this.handlers.forEach((_, channel) => this.tell(channel, MISSED)),
        () => this.reconnectLater(),
      );
    }, RECONNECT_MS).unref();
  }

  private tell(channel: string, payload: string): void {
    for (const handler of this.handlers.get(channel) ?? []) handler(payload);
  }
}
