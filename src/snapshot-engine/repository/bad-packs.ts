import { StorageError } from '../../storage-providers/storage-errors.js';
import { damaged, RepositoryError } from '../errors/repository-error.js';

/** A pack that does not hold what an index says, or cannot be had at all. */
export interface BadPack {
  readonly packId: string;
  /** A sentence about what was found first. */
  readonly message: string;
}

/** More are not named; who sees a hundred has to check the repository anyhow. */
const MAX_BAD_PACKS = 100;

/** What readers that found another copy have to tell: that all went well does not mean that all is well. */
export class BadPacks {
  readonly #messages = new Map<string, string>();

  note(packId: string, message: string): void {
    if (this.#messages.has(packId) || this.#messages.size >= MAX_BAD_PACKS) return;
    this.#messages.set(packId, message);
  }

  /** What was noted since the last call. */
  take(): BadPack[] {
    if (this.#messages.size === 0) return [];
    const taken = this.list();
    this.#messages.clear();
    return taken;
  }

  list(): BadPack[] {
    return Array.from(this.#messages, ([packId, message]) => ({ packId, message }));
  }
}

/**
 * The failure of a read of a pack as damage, when it is about this pack alone and another copy is worth a try;
 * `undefined` when it is about the store as a whole.
 */
export function damageOfPack(packId: string, error: unknown): RepositoryError | undefined {
  if (error instanceof RepositoryError) return error.code === 'damaged_repository' ? error : undefined;
  if (!(error instanceof StorageError)) return undefined;
  const subject = `Pack ${packId}`;
  if (error.code === 'object_not_found') return damaged(subject, 'it is missing', error);
  // 416: the range begins behind the end.
  if (error.code === 'integrity' || error.httpStatus === 416)
    return damaged(subject, 'it is not as long as the index says', error);
  return undefined;
}
