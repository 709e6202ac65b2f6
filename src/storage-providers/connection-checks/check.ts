import { isStorageError, type StorageError } from '../storage-errors.js';

/** In the order in which they run and are shown. */
export const CHECK_TITLES = {
  dns: 'Host name resolves',
  tls: 'Secure connection',
  clock: 'Clocks agree',
  credentials: 'Key is accepted',
  bucket: 'Bucket exists',
  region: 'Region is right',
  list: 'Objects can be listed',
  write: 'An object can be written',
  read_back: 'It reads back unchanged',
  range: 'A part of it can be read',
  multipart: 'Large uploads in parts',
  conditional_create: 'Existing objects are not overwritten',
  presigned_put: 'Signed upload URLs',
  cors: 'Browsers may upload',
  delete: 'It can be deleted',
} as const;

export type CheckId = keyof typeof CHECK_TITLES;
export const CHECK_IDS = Object.keys(CHECK_TITLES) as CheckId[];

/** What is left of the probe objects; shown only when something is. */
export const CLEANUP = { id: 'cleanup', title: 'Nothing is left behind' } as const;

export type CheckStatus = 'passed' | 'failed' | 'skipped' | 'warning';

/** What one check found out. */
export interface CheckOutcome {
  readonly status: CheckStatus;
  /** Stable; a code of StorageError, or `timeout`. */
  readonly code?: string;
  /** What happened, as a sentence. */
  readonly detail?: string;
  /** The exact line that repairs it. */
  readonly repair?: string;
  /** What was measured, for people who look closer. Never a secret. */
  readonly observed?: Readonly<Record<string, string | number | boolean>>;
  /** The failure behind `failed`. */
  readonly error?: StorageError;
}

export interface CheckResult extends CheckOutcome {
  readonly id: CheckId | typeof CLEANUP.id;
  readonly title: string;
  readonly latencyMs: number;
}

export function passed(more: Omit<CheckOutcome, 'status'> = {}): CheckOutcome {
  return { status: 'passed', ...more };
}

export function warning(detail: string, more: Omit<CheckOutcome, 'status' | 'detail'> = {}): CheckOutcome {
  return { status: 'warning', detail, ...more };
}

export function skipped(detail: string): CheckOutcome {
  return { status: 'skipped', detail };
}

/** In the words of the storage's own error: they name the permission and the repair. */
export function failedBy(error: StorageError, more: Pick<CheckOutcome, 'observed'> = {}): CheckOutcome {
  return {
    status: 'failed',
    code: error.code,
    detail: error.message,
    repair: error.hint,
    error,
    ...more,
  };
}

export function failed(code: string, detail: string, repair: string): CheckOutcome {
  return { status: 'failed', code, detail, repair };
}

/** A check fails by a StorageError; anything else is a fault of ours and must not look like the user's. */
export function outcomeOf(error: unknown): CheckOutcome {
  if (!isStorageError(error)) throw error;
  return failedBy(error);
}
