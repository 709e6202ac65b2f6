import { randomBytes } from 'node:crypto';
import { EnvelopeError, envelopeKeyIds, openEnvelope, sealEnvelope, type SealedPlace } from './envelope.js';
import type { MasterKey } from './master-key.js';

/** A data key as its row holds it. */
export interface WrappedDataKey {
  /** UUID. */
  readonly id: string;
  readonly userId: number;
  readonly wrappedKey: string;
  readonly kekId: string;
}

/** The master keys that this process was given (the current one, and the previous one during a rotation). */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, MasterKey>;

  constructor(keys: readonly MasterKey[]) {
    this.#keys = new Map(keys.map((key) => [key.id, key]));
  }

  has(kekId: string): boolean {
    return this.#keys.has(kekId);
  }

  get(kekId: string): MasterKey | undefined {
    return this.#keys.get(kekId);
  }

  keys(): readonly MasterKey[] {
    return [...this.#keys.values()];
  }

  /** The plain data key, 32 bytes. @throws EnvelopeError when no key of the ring opens it */
  unwrap(installationId: string, row: WrappedDataKey): Buffer {
    // The column serves queries, the envelope decides: they can only differ when somebody edited the row.
    const key = this.#keys.get(envelopeKeyIds(row.wrappedKey).kekId);
    if (key === undefined || key.id !== row.kekId) throw new EnvelopeError();
    return openEnvelope(key.wrappingKey, row.wrappedKey, dataKeyPlace(installationId, row));
  }
}

export function newDataKey(): Buffer {
  return randomBytes(32);
}

export function wrapDataKey(
  installationId: string,
  key: MasterKey,
  row: { readonly id: string; readonly userId: number },
  dataKey: Uint8Array,
): WrappedDataKey {
  const ids = { kekId: key.id, dekId: row.id };
  const place = dataKeyPlace(installationId, row);
  return {
    id: row.id,
    userId: row.userId,
    kekId: key.id,
    wrappedKey: sealEnvelope(key.wrappingKey, ids, place, dataKey),
  };
}

/** A known word sealed with the master key: opening it at start tells whether the right key was given. */
export function makeKeyCheck(installationId: string, key: MasterKey): string {
  const ids = { kekId: key.id, dekId: NO_DATA_KEY };
  return sealEnvelope(key.wrappingKey, ids, checkPlace(installationId), CHECK_WORD);
}

export function keyCheckOpens(installationId: string, key: MasterKey, check: string): boolean {
  try {
    return openEnvelope(key.wrappingKey, check, checkPlace(installationId)).equals(CHECK_WORD);
  } catch {
    return false;
  }
}

const NO_DATA_KEY = '00000000-0000-0000-0000-000000000000';
const CHECK_WORD = Buffer.from('stowage key check');

function dataKeyPlace(installationId: string, row: { id: string; userId: number }): SealedPlace {
  return {
    purpose: 'dek',
    installationId,
    userId: row.userId,
    rowId: row.id,
    field: 'wrapped_key',
    version: 1,
  };
}

function checkPlace(installationId: string): SealedPlace {
  return { purpose: 'chk', installationId, userId: 0, rowId: 1, field: 'key_check', version: 1 };
}
