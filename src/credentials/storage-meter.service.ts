import { Injectable } from '@nestjs/common';
import { Clock } from '../config/clock.js';
import type { StorageOperation } from '../storage-providers/storage-errors.js';
import type { StorageLogEntry } from '../storage-providers/wrappers/logged.js';
import type { SignedUrlEntry } from '../storage-providers/wrappers/told-signing.js';

/**
 * As providers bill: `write` and `list` are dear, `read` is cheap, `delete` is free. `signed_write` and `signed_read` were
 * given out as URLs; whether and how often they are used is not seen.
 */
export const REQUEST_CLASSES = ['write', 'list', 'read', 'delete', 'signed_write', 'signed_read'] as const;
export type RequestClass = (typeof REQUEST_CLASSES)[number];

/** What was done with one configuration on one day. */
export interface Metered {
  readonly configId: number;
  /** In UTC: `2026-11-22`. */
  readonly day: string;
  readonly requestClass: RequestClass;
  requests: number;
  /** To the provider; of calls that succeeded. */
  sentBytes: number;
  /** From the provider. */
  receivedBytes: number;
}

const CLASS_OF: Readonly<Record<StorageOperation, RequestClass | undefined>> = {
  put: 'write',
  create_multipart: 'write',
  upload_part: 'write',
  complete_multipart: 'write',
  copy: 'write',
  copy_part: 'write',
  list: 'list',
  list_multipart: 'list',
  list_parts: 'list',
  get: 'read',
  head: 'read',
  delete: 'delete',
  abort_multipart: 'delete',
  sign: undefined,
  connect: undefined,
};

const DAY_MS = 86_400_000;
/** More than these at a time are not counted: six for each bucket that this process works with between two takings. */
const MAX_ENTRIES = 60_000;

/** Adds up what is done with users' buckets until somebody takes it away to write it down. */
@Injectable()
export class StorageMeter {
  private entries = new Map<string, Metered>();
  private dayIndex = -1;
  private day = '';
  private lostRequests = 0;

  constructor(private readonly clock: Clock) {}

  called(configId: number, { operation, outcome, sizeBytes = 0, receivedBytes = 0 }: StorageLogEntry): void {
    const requestClass = CLASS_OF[operation];
    if (requestClass === undefined) return;
    const sentBytes = outcome === 'ok' ? sizeBytes : 0;
    this.add({ configId, day: this.today(), requestClass, requests: 1, sentBytes, receivedBytes });
  }

  signed(configId: number, { method, sizeBytes = 0 }: SignedUrlEntry): void {
    const day = this.today();
    if (method === 'PUT') {
      this.add({ ...NONE, configId, day, requestClass: 'signed_write', sentBytes: sizeBytes });
    } else {
      this.add({ ...NONE, configId, day, requestClass: 'signed_read', receivedBytes: sizeBytes });
    }
  }

  /** Everything since it was taken the last time. */
  take(): Metered[] {
    const taken = [...this.entries.values()];
    this.entries = new Map();
    return taken;
  }

  /** What was taken and could not be written down. */
  giveBack(taken: readonly Metered[]): void {
    for (const entry of taken) this.add(entry);
  }

  /** Requests that were not counted since this was asked the last time, because too much was. */
  takeLost(): number {
    const lost = this.lostRequests;
    this.lostRequests = 0;
    return lost;
  }

  private add(more: Metered): void {
    const key = `${more.configId}/${more.day}/${more.requestClass}`;
    const entry = this.entries.get(key);
    if (entry !== undefined) {
      entry.requests += more.requests;
      entry.sentBytes += more.sentBytes;
      entry.receivedBytes += more.receivedBytes;
    } else if (this.entries.size < MAX_ENTRIES) this.entries.set(key, { ...more });
    else this.lostRequests += more.requests;
  }

  private today(): string {
    const nowMs = this.clock.now();
    const dayIndex = Math.floor(nowMs / DAY_MS);
    if (dayIndex !== this.dayIndex) {
      this.dayIndex = dayIndex;
      this.day = new Date(nowMs).toISOString().slice(0, 10);
    }
    return this.day;
  }
}

const NONE = { requests: 1, sentBytes: 0, receivedBytes: 0 };
