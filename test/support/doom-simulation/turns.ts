import { AsyncLocalStorage } from 'node:async_hooks';
import type { Chance } from '../prune-simulation/chance.js';

/**
 * Lets one of several lives go on at a time, and decides by chance whose turn it is whenever one of them asks. What
 * runs between two turns runs alone, so a seed gives the same story again, real database or not.
 */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private readonly live = new AsyncLocalStorage<true>();
  private running = 0;

  constructor(private readonly chance: Chance) {}

  async run(lives: readonly (() => Promise<void>)[]): Promise<void> {
    this.running = lives.length;
    await Promise.all(
      lives.map((life) =>
        this.live.run(true, async () => {
          try {
            await this.next();
            await life();
          } finally {
            this.running -= 1;
            this.pass();
          }
        }),
      ),
    );
  }

  /** Others may go first. Outside of a life nobody waits. */
  async next(): Promise<void> {
    if (this.live.getStore() === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.push(resolve);
    this.running -= 1;
    this.pass();
    await promise;
  }

  private pass(): void {
    if (this.running > 0 || this.waiting.length === 0) return;
    const [chosen] = this.waiting.splice(this.chance.below(this.waiting.length), 1);
    this.running += 1;
    chosen!();
  }
}
