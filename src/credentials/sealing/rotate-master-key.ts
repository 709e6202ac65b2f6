import { EnvelopeError, envelopeKeyIds, relabelEnvelope } from './envelope.js';
import { KeyRing, keyCheckOpens, makeKeyCheck, wrapDataKey, type WrappedDataKey } from './key-ring.js';
import type { MasterKey } from './master-key.js';
import type { InstallationKeys } from './sealing-state.js';

/** One session of PostgreSQL: transactions and locks belong to it. */
export interface RotationSession {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface RotationKeys {
  readonly current: MasterKey;
  readonly previous: MasterKey;
}

export type RotationStep = 'data_keys' | 'installation' | 'sealed_values' | 'verified';

export interface RotationOptions {
  /** Rows in one transaction. */
  readonly batchSize?: number;
  /** Called after each committed batch. */
  readonly onProgress?: (step: RotationStep, rowsSoFar: number) => void;
}

export interface RotationReport {
  readonly rewrappedDataKeys: number;
  readonly relabelledValues: number;
  readonly verifiedDataKeys: number;
}

/** A column of envelopes that name the master key of the day. The table's key is `id`. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** Before all ids of the table. */
  readonly firstId: number | string;
}

const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

/** All of them. Wrapped data keys are no such: they are wrapped anew. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { table: 'cloud_configs', column: 'encrypted_config', firstId: 0 },
  { table: 'repositories', column: 'sealed_password', firstId: ZERO_UUID },
  { table: 'webhooks', column: 'sealed_secret', firstId: ZERO_UUID },
  { table: 'webhooks', column: 'sealed_previous_secret', firstId: ZERO_UUID },
];

/** The rotation stopped. What was done stays done and valid; running it again goes on from there. */
export class RotationError extends Error {
  override readonly name = 'RotationError';
}

/**
 * Replaces the master key while servers that were given both keys go on working. Only the wrapping of the data keys
 * changes, so no secret is decrypted. It may be killed at any moment and run again: each batch is one transaction,
 * and the installation's own row changes last, in the transaction that found no data key left on the old key. Two
 * rotations at once share the work: every row is locked before it is looked at.
 * @throws RotationError when the keys do not fit the database or a data key cannot be opened
 */
export async function rotateMasterKey(
  session: RotationSession,
  keys: RotationKeys,
  options: RotationOptions = {},
): Promise<RotationReport> {
  const { batchSize = 100, onProgress = () => undefined } = options;
  const { installationId } = await checkKeys(session, keys);
  const rotation: Rotation = { session, keys, installationId, batchSize };
  const rewrappedDataKeys = await rewrapAll(rotation, onProgress);
  const relabelledValues = await relabelAll(rotation, onProgress);
  const verifiedDataKeys = await verifyAll(rotation);
  onProgress('verified', verifiedDataKeys);
  return { rewrappedDataKeys, relabelledValues, verifiedDataKeys };
}

interface Rotation {
  readonly session: RotationSession;
  readonly keys: RotationKeys;
  readonly installationId: string;
  readonly batchSize: number;
}

type Progress = NonNullable<RotationOptions['onProgress']>;

async function checkKeys(
  session: RotationSession,
  { current, previous }: RotationKeys,
): Promise<InstallationKeys> {
  if (current.id === previous.id) {
    throw new RotationError('ENCRYPTION_KEY and ENCRYPTION_KEY_PREVIOUS are the same key.');
  }
  const [installation] = await session.query<InstallationKeys>(SELECT_INSTALLATION);
  if (installation === undefined)
    throw new RotationError('This database has never been used: nothing is sealed in it.');
  const { installationId, kekId, keyCheck } = installation;
  const key = [current, previous].find((candidate) => candidate.id === kekId);
  if (key === undefined || !keyCheckOpens(installationId, key, keyCheck)) {
    throw new RotationError(
      `This database is sealed with master key ${kekId}, but ENCRYPTION_KEY is ${current.id} and ENCRYPTION_KEY_PREVIOUS is ${previous.id}.`,
    );
  }
  return installation;
}

async function rewrapAll(rotation: Rotation, onProgress: Progress): Promise<number> {
  let total = 0;
  for (;;) {
    const rewrapped = await inTransaction(rotation.session, () => rewrapBatch(rotation, rotation.batchSize));
    total += rewrapped;
    if (rewrapped === 0) break;
    onProgress('data_keys', total);
  }
  total += await inTransaction(rotation.session, () => switchInstallation(rotation));
  onProgress('installation', 1);
  return total;
}

/** With the installation's row locked no new data key can appear (see DataKeys): what is left is all there is. */
async function switchInstallation(rotation: Rotation): Promise<number> {
  const { session, keys, installationId } = rotation;
  await session.query(`${SELECT_INSTALLATION} FOR UPDATE`);
  let late = 0;
  for (let batch = -1; batch !== 0; late += batch) batch = await rewrapBatch(rotation, rotation.batchSize);
  await session.query('UPDATE installation SET kek_id = $1, key_check = $2 WHERE id = 1', [
    keys.current.id,
    makeKeyCheck(installationId, keys.current),
  ]);
  return late;
}

async function rewrapBatch(rotation: Rotation, limit: number): Promise<number> {
  const { session, keys, installationId } = rotation;
  const ring = new KeyRing([keys.current, keys.previous]);
  const rows = await session.query<WrappedDataKey>(`${SELECT_DATA_KEYS_LEFT} LIMIT $2 FOR UPDATE`, [
    keys.current.id,
    limit,
  ]);
  for (const row of rows) {
    const wrapped = wrapDataKey(installationId, keys.current, row, unwrapOrStop(ring, installationId, row));
    await session.query('UPDATE data_keys SET wrapped_key = $2, kek_id = $3 WHERE id = $1', [
      row.id,
      wrapped.wrappedKey,
      wrapped.kekId,
    ]);
  }
  return rows.length;
}

function unwrapOrStop(ring: KeyRing, installationId: string, row: WrappedDataKey): Buffer {
  try {
    return ring.unwrap(installationId, row);
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    throw new RotationError(
      `Data key ${row.id} of user ${row.userId} (master key ${row.kekId}) cannot be opened with either key. ` +
        'Keep both keys, and restore that row from a backup before going on.',
    );
  }
}

/** Envelopes name the master key of the day; afterwards nothing names the old one any more. */
async function relabelAll(rotation: Rotation, onProgress: Progress): Promise<number> {
  let total = 0;
  for (const column of SEALED_COLUMNS) {
    total += await relabelColumn(rotation, column, (sofar) => onProgress('sealed_values', total + sofar));
  }
  return total;
}

async function relabelColumn(
  { session, keys, batchSize }: Rotation,
  sealed: SealedColumn,
  onBatch: (relabelled: number) => void,
): Promise<number> {
  const { table, column, firstId } = sealed;
  const page = `SELECT id, ${column} AS text FROM ${table} WHERE ${column} <> '' AND id > $1 ORDER BY id LIMIT $2`;
  let relabelled = 0;
  for (let afterId = firstId; ;) {
    const rows = await session.query<SealedValue>(page, [afterId, batchSize]);
    for (const row of rows) relabelled += await relabel(session, keys, sealed, row);
    const last = rows.at(-1);
    if (last === undefined) return relabelled;
    afterId = last.id;
    onBatch(relabelled);
  }
}

interface SealedValue {
  readonly id: number | string;
  readonly text: string;
}

async function relabel(
  session: RotationSession,
  keys: RotationKeys,
  { table, column }: SealedColumn,
  { id, text }: SealedValue,
): Promise<number> {
  if (!namesKey(text, keys.previous.id)) return 0;
  // Compared with what was read: what was forgotten or sealed anew meanwhile stays as it is.
  const changed = await session.query(
    `UPDATE ${table} SET ${column} = $3 WHERE id = $1 AND ${column} = $2 RETURNING id`,
    [id, text, relabelEnvelope(text, keys.current.id)],
  );
  return changed.length;
}

function namesKey(text: string, kekId: string): boolean {
  try {
    return envelopeKeyIds(text).kekId === kekId;
  } catch {
    // A damaged row is reported when it is used; here it must not be touched.
    return false;
  }
}

async function verifyAll({ session, keys, installationId, batchSize }: Rotation): Promise<number> {
  const ring = new KeyRing([keys.current]);
  let verified = 0;
  for (let afterId = ZERO_UUID; ;) {
    const rows = await session.query<WrappedDataKey>(
      `${SELECT_DATA_KEYS} WHERE id > $1 ORDER BY id LIMIT $2`,
      [afterId, batchSize],
    );
    for (const row of rows) unwrapOrStop(ring, installationId, row);
    const last = rows.at(-1);
    if (last === undefined) return verified;
    afterId = last.id;
    verified += rows.length;
  }
}

async function inTransaction<T>(session: RotationSession, work: () => Promise<T>): Promise<T> {
  await session.query('BEGIN');
  try {
    const result = await work();
    await session.query('COMMIT');
    return result;
  } catch (error) {
    await session.query('ROLLBACK');
    throw error;
  }
}

const SELECT_INSTALLATION =
  'SELECT installation_id AS "installationId", kek_id AS "kekId", key_check AS "keyCheck" FROM installation WHERE id = 1';
const SELECT_DATA_KEYS =
  'SELECT id, user_id AS "userId", wrapped_key AS "wrappedKey", kek_id AS "kekId" FROM data_keys';
const SELECT_DATA_KEYS_LEFT = `${SELECT_DATA_KEYS} WHERE kek_id <> $1 ORDER BY id`;
