import { keyCheckOpens, type KeyRing } from './key-ring.js';
import type { MasterKey } from './master-key.js';

/** The installation's row as far as sealing is concerned. */
export interface InstallationKeys {
  readonly installationId: string;
  /** The master key that wraps new data keys. */
  readonly kekId: string;
  readonly keyCheck: string;
}

export type SealedReason =
  'not_started' | 'missing_master_key' | 'wrong_master_key' | 'rotation_unfinished' | 'unreadable_key_file';

export type SealingState =
  | { readonly open: true; readonly installationId: string; readonly ring: KeyRing }
  | { readonly open: false; readonly reason: SealedReason; readonly advice: string };

/**
 * Decides from what is stored and what was given whether this process may touch credentials. It opens only when
 * every data key can be unwrapped: a process that could read some users and not others would look healthy.
 * @param kekIdsInUse the master keys named by the data keys
 */
export function decideSealing(
  installation: InstallationKeys,
  ring: KeyRing,
  kekIdsInUse: readonly string[],
): SealingState {
  const { installationId, kekId, keyCheck } = installation;
  if (ring.keys().length === 0) return sealedBecause('missing_master_key', kekId);
  const key: MasterKey | undefined = ring.get(kekId);
  if (key === undefined || !keyCheckOpens(installationId, key, keyCheck)) {
    return sealedBecause('wrong_master_key', kekId);
  }
  const unknown = kekIdsInUse.find((id) => !ring.has(id));
  return unknown === undefined
    ? { open: true, installationId, ring }
    : sealedBecause('rotation_unfinished', unknown);
}

/** Key ids tell nothing about the keys; they let an operator find the right one. */
export function sealedBecause(reason: SealedReason, kekId = ''): SealingState {
  return { open: false, reason, advice: ADVICE[reason].replaceAll('{id}', kekId) };
}

const ADVICE: Readonly<Record<SealedReason, string>> = {
  not_started: 'The service is starting.',
  missing_master_key:
    'This database is sealed with master key {id}, and neither ENCRYPTION_KEY nor DATA_DIR/master-key is there. Give that key and start again.',
  wrong_master_key:
    'This database is sealed with master key {id}, which is another than the one given. Set ENCRYPTION_KEY to it and start again. ' +
    'When the key is to be replaced, set ENCRYPTION_KEY_PREVIOUS to {id} and run `npm run rotate-key`.',
  rotation_unfinished:
    'Some data keys are wrapped with master key {id}: a key rotation is unfinished. Set ENCRYPTION_KEY_PREVIOUS and ENCRYPTION_KEY ' +
    'to the two keys, start again, and run `npm run rotate-key` to its end.',
  unreadable_key_file: 'DATA_DIR/master-key cannot be read as a key. Put the right one back and start again.',
};
