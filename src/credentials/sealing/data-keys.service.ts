import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { DataSource, type EntityManager } from 'typeorm';
import { sealed } from '../credentials-error.js';
import { DataKey } from '../data-key.entity.js';
import { EnvelopeError } from './envelope.js';
import { newDataKey, wrapDataKey } from './key-ring.js';
import { Sealing } from './sealing.service.js';

/**
 * Values that one data key may seal. AES-GCM with random nonces is safe up to 2^32 (NIST SP 800-38D, 8.3); half of
 * that leaves room for transactions that sealed and were rolled back.
 */
export const MAX_ENCRYPTIONS = 2 ** 31;

/** Unwrapped data keys kept in memory. */
const CACHED_KEYS = 10_000;

export interface OpenedDataKey {
  readonly id: string;
  /** The master key that wraps it. */
  readonly kekId: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** The data keys of all users: made on first use, replaced before they wear out, unwrapped once and kept. */
@Injectable()
export class DataKeys {
  private readonly opened = new LRUCache<string, Buffer>({ max: CACHED_KEYS });

  constructor(
    private readonly database: DataSource,
    private readonly sealing: Sealing,
  ) {}

  /**
   * The user's newest data key that is not worn out, with this use counted in the caller's transaction.
   * @throws CredentialsError `sealed`; EnvelopeError when the stored key was tampered with
   */
  async forSealing(manager: EntityManager, userId: number): Promise<OpenedDataKey> {
    const row = await takeNewest(manager, userId);
    if (row === undefined) return this.make(manager, userId);
    return { id: row.id, kekId: row.kekId, key: this.unwrap(row) };
  }

  /** @throws CredentialsError `sealed`; EnvelopeError when there is no such key or it was tampered with */
  async ofUser(userId: number, id: string): Promise<Buffer> {
    const known = this.opened.get(cacheKey(userId, id));
    if (known !== undefined) return known;
    const row = await this.database.getRepository(DataKey).findOneBy({ id, userId });
    if (row === null) throw new EnvelopeError();
    const key = this.unwrap(row);
    this.opened.set(cacheKey(userId, id), key);
    return key;
  }

  private unwrap(row: UsedDataKey): Buffer {
    const { installationId, ring } = this.sealing.opened();
    // A rotation to a key that this process was not given: its data cannot be read here, but nothing is broken.
    if (!ring.has(row.kekId)) throw sealed();
    return ring.unwrap(installationId, row);
  }

  private async make(manager: EntityManager, userId: number): Promise<OpenedDataKey> {
    const { installationId, ring } = this.sealing.opened();
    const master = ring.get(await wrappingKekId(manager));
    if (master === undefined) throw sealed();
    const key = newDataKey();
    const wrapped = wrapDataKey(installationId, master, { id: randomUUID(), userId }, key);
    await manager.insert(DataKey, { ...wrapped, encryptions: 1 });
    return { id: wrapped.id, kekId: wrapped.kekId, key };
  }
}

type UsedDataKey = Pick<DataKey, 'id' | 'userId' | 'wrappedKey' | 'kekId'>;

const TAKE_NEWEST = `
  UPDATE data_keys SET encryptions = encryptions + 1
  WHERE id = (
    SELECT id FROM data_keys WHERE user_id = $1 AND encryptions < $2 ORDER BY created_at DESC, id LIMIT 1
  )
  RETURNING id, user_id AS "userId", wrapped_key AS "wrappedKey", kek_id AS "kekId"`;

async function takeNewest(manager: EntityManager, userId: number): Promise<UsedDataKey | undefined> {
  const [rows] = await manager.query<[UsedDataKey[], number]>(TAKE_NEWEST, [userId, MAX_ENCRYPTIONS]);
  return rows[0];
}

/** Locked until the caller commits: a rotation cannot finish while a key wrapped by the old master is on its way. */
async function wrappingKekId(manager: EntityManager): Promise<string> {
  const rows = await manager.query<{ kekId: string }[]>(
    'SELECT kek_id AS "kekId" FROM installation WHERE id = 1 FOR SHARE',
  );
  const row = rows[0];
  if (row === undefined) throw sealed();
  return row.kekId;
}

function cacheKey(userId: number, id: string): string {
  return `${userId}:${id}`;
}
