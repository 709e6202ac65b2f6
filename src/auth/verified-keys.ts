import { LRUCache } from 'lru-cache';
import type { Principal } from './principal.js';

/** A key that the database knows, neither revoked nor of a disabled user. */
export interface VerifiedKey {
  readonly principal: Principal;
  /** Milliseconds since the epoch; undefined: never. */
  readonly expiresAtMs: number | undefined;
}

/** A revocation by another process takes effect here after at most this. */
const MAX_AGE_MS = 1_000;
const MAX_KEYS = 10_000;

interface Entry {
  readonly key: VerifiedKey;
  readonly askedAtMs: number;
}

/**
 * What was looked up in the last second, so that busy keys cost the database one statement a second and not one a
 * request. Unknown keys are not kept: they must not push out known ones.
 */
export class VerifiedKeys {
  readonly #known = new LRUCache<string, Entry>({ max: MAX_KEYS });
  #underWay = new Map<string, Promise<VerifiedKey | undefined>>();

  /** @param lookUp by SHA-256 of the key */
  constructor(
    private readonly lookUp: (keyHash: Buffer) => Promise<VerifiedKey | undefined>,
    private readonly now: () => number,
  ) {}

  /** @returns undefined for a key that is unknown or revoked, or whose user is disabled */
  find(keyHash: Buffer): VerifiedKey | Promise<VerifiedKey | undefined> {
    const id = keyHash.toString('base64');
    const entry = this.#known.get(id);
    if (entry !== undefined && this.now() - entry.askedAtMs < MAX_AGE_MS) return entry.key;
    const underWay = this.#underWay.get(id);
    if (underWay !== undefined) return underWay;
    const asked = this.ask(id, keyHash);
    this.#underWay.set(id, asked);
    return asked;
  }

  /** After a revocation in this process: also answers that are under way are no longer believed. */
  forgetAll(): void {
    this.#known.clear();
    this.#underWay = new Map();
  }

  private async ask(id: string, keyHash: Buffer): Promise<VerifiedKey | undefined> {
    const underWay = this.#underWay;
    // The answer is as old as the question.
    const askedAtMs = this.now();
    try {
      const key = await this.lookUp(keyHash);
      const isCurrent = underWay === this.#underWay;
      if (key === undefined) this.#known.delete(id);
      else if (isCurrent) this.#known.set(id, { key, askedAtMs });
      return key;
    } finally {
      underWay.delete(id);
    }
  }
}
