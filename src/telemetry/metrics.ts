import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Names begin like this, so that they are found in a shared Prometheus. */
const PREFIX = 'stowage_';

/**
 * This process's metrics. Asking twice for a name gives the same instrument. Labels come from small closed sets:
 * never a user, a file name or an id.
 */
export class Metrics {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  counter<L extends string>(name: string, help: string, labels: readonly L[] = []): Counter<L> {
    return (this.existing(name) ??
      new Counter({ ...this.options(name, help), labelNames: labels })) as Counter<L>;
  }

  gauge<L extends string>(name: string, help: string, labels: readonly L[] = []): Gauge<L> {
    return (this.existing(name) ??
      new Gauge({ ...this.options(name, help), labelNames: labels })) as Gauge<L>;
  }

  /** @param buckets upper bounds, in the unit that the name ends with */
  histogram<L extends string>(
    name: string,
    help: string,
    labels: readonly L[] = [],
    buckets: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  ): Histogram<L> {
    const options = { ...this.options(name, help), labelNames: labels, buckets: [...buckets] };
    return (this.existing(name) ?? new Histogram(options)) as Histogram<L>;
  }

  /** Prometheus text format; its media type is `contentType`. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  private options(name: string, help: string) {
    if (!name.startsWith(PREFIX)) throw new Error(`The metric ${name} must begin with ${PREFIX}.`);
    return { name, help, registers: [this.#registry] };
  }

  private existing(name: string) {
    return this.#registry.getSingleMetric(name);
  }
}
