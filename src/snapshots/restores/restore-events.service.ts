import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { StopSignal } from '../../config/stop-signal.js';
import { UserSlots } from '../../rest/user-slots.js';
import { tooManyStreams } from '../snapshots-error.js';
import { RestoreChanges } from './restore-changes.service.js';
import { RestoreListing, type ShownRestore } from './restore-listing.service.js';

/** Proxies cut connections that are silent for a minute. */
const HEARTBEAT_MS = 15_000;
const STREAMS_PER_USER = 20;

/**
 * Tells a client each change of a restore as server-sent events (WHATWG HTML, 9.2) until it has ended. A client that
 * reads slowly misses states in between, never the last one.
 */
@Injectable()
export class RestoreEvents {
  private readonly streams = new UserSlots(STREAMS_PER_USER, tooManyStreams('event streams'));

  constructor(
    private readonly listing: RestoreListing,
    private readonly changes: RestoreChanges,
    private readonly stop: StopSignal,
  ) {}

  /** @throws RequestError `not_found`; SnapshotsError `too_many_streams`; nothing was sent then */
  async stream(userId: number, id: string, reply: FastifyReply): Promise<void> {
    const first = await this.listing.one(userId, id);
    const release = this.streams.take(userId);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const bell = new Bell(AbortSignal.any([gone.signal, this.stop.signal]));
    const unwatch = await this.changes
      .watch(id, () => bell.ring())
      .catch((error: unknown) => {
        release();
        throw error;
      });
    try {
      const raw = beginStream(reply);
      await this.tell(raw, bell, first, () => this.listing.one(userId, id));
    } finally {
      unwatch();
      release();
      reply.raw.end();
    }
  }

  private async tell(
    raw: ServerResponse,
    bell: Bell,
    first: ShownRestore,
    read: () => Promise<ShownRestore>,
  ): Promise<void> {
    let told: number | undefined;
    for (let shown = first; !bell.isOver; shown = await read()) {
      const isNews = shown.version !== told;
      told = shown.version;
      if (!raw.write(isNews ? eventOf(shown) : ': heartbeat\n\n')) await bell.unlessOver(once(raw, 'drain'));
      if (shown.restore.finished_at !== null) return;
      await bell.rung(HEARTBEAT_MS);
    }
  }
}

/** Remembers a ring that came while nobody waited. */
class Bell {
  private hasRung = false;
  private wake: () => void = () => undefined;

  constructor(private readonly over: AbortSignal) {
    over.addEventListener('abort', () => this.wake(), { once: true });
  }

  get isOver(): boolean {
    return this.over.aborted;
  }

  ring(): void {
    this.hasRung = true;
    this.wake();
  }

  /** Resolves at the next ring, when it is over, or after so long without either. */
  async rung(timeoutMs: number): Promise<void> {
    if (!this.hasRung && !this.isOver) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.wake = () => undefined;
    this.hasRung = false;
  }

  async unlessOver(event: Promise<unknown>): Promise<void> {
    const over = new Promise<void>((resolve) => (this.wake = resolve));
    if (!this.isOver) await Promise.race([event.catch(() => undefined), over]);
  }
}

function beginStream(reply: FastifyReply): ServerResponse {
  const headers = {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  };
  reply.hijack();
  return reply.raw.writeHead(200, headers);
}

function eventOf({ restore, version }: ShownRestore): string {
  return `id: ${version}\nevent: restore\ndata: ${JSON.stringify(restore)}\n\n`;
}
