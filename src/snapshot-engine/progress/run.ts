import type { Progress, ProgressListener } from './progress.js';

/** Work under way, for callers who would rather loop over its progress than listen to it. */
export interface Run<T> {
  readonly result: Promise<T>;
  /**
   * Ends when the work does, well or badly; a failure is told by `result` alone. Whoever reads slowly gets the latest
   * look and misses those between. May be read more than once, also by nobody.
   */
  readonly progress: AsyncIterable<Progress>;
}

/** Starts `work`, which is to tell the listener it is given how far it is. */
export function startRun<T>(work: (listener: ProgressListener) => Promise<T>): Run<T> {
  const latest = new LatestProgress();
  const result = work((progress) => latest.set(progress));
  // The caller hears of a failure where it awaits `result`; here only the end counts.
  result.then(
    () => latest.end(),
    () => latest.end(),
  );
  return { result, progress: latest };
}

/** Holds one look, whatever the number of readers. */
class LatestProgress implements AsyncIterable<Progress> {
  #latest: Progress | undefined;
  #count = 0;
  #ended = false;
  #changed = Promise.withResolvers<void>();

  set(progress: Progress): void {
    this.#latest = progress;
    this.#count += 1;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Progress, void> {
    for (let seen = 0; ;) {
      if (this.#count > seen) {
        seen = this.#count;
        yield this.#latest!;
      } else if (this.#ended) return;
      else await this.#changed.promise;
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
