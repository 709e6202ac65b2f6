import { S3Fault } from './s3-fault.js';

/** Refuses writes to one key that come faster than the provider takes them (R2: one a second). */
export class WriteRate {
  readonly #perSecond: number | undefined;
  readonly #lastMs = new Map<string, number>();

  constructor(perSecond: number | undefined) {
    this.#perSecond = perSecond;
  }

  /** @throws S3Fault TooManyRequests */
  assertWithin(key: string, nowMs: number): void {
    if (this.#perSecond === undefined) return;
    const earlier = this.#lastMs.get(key);
    if (earlier !== undefined && nowMs - earlier < 1000 / this.#perSecond)
      throw new S3Fault('TooManyRequests');
    this.#lastMs.set(key, nowMs);
  }
}
