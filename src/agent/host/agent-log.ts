export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEntry {
  readonly time: string;
  readonly level: LogLevel;
  readonly event: string;
  readonly [fact: string]: unknown;
}

type Facts = Readonly<Record<string, unknown>>;
type LogListener = (entry: LogEntry) => void;

/** What `logs` shows of the time before it was asked. */
const MAX_KEPT = 500;

/** One line an event. The newest are kept for whoever asks; the others go to `sink`, such as systemd's journal. */
export class AgentLog {
  readonly #sink: LogListener;
  readonly #now: () => number;
  readonly #kept: LogEntry[] = [];
  readonly #listeners = new Set<LogListener>();

  /** @param now milliseconds since the epoch */
  constructor(sink: LogListener, now: () => number) {
    this.#sink = sink;
    this.#now = now;
  }

  get kept(): readonly LogEntry[] {
    return this.#kept;
  }

  debug(event: string, facts?: Facts): void {
    this.#write('debug', event, facts);
  }

  info(event: string, facts?: Facts): void {
    this.#write('info', event, facts);
  }

  warn(event: string, facts?: Facts): void {
    this.#write('warn', event, facts);
  }

  error(event: string, facts?: Facts): void {
    this.#write('error', event, facts);
  }

  /** Answers how to end it. */
  listen(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #write(level: LogLevel, event: string, facts: Facts = {}): void {
    const entry = { time: new Date(this.#now()).toISOString(), level, event, ...facts };
    if (this.#kept.push(entry) > MAX_KEPT) this.#kept.shift();
    for (const listener of this.#listeners) listener(entry);
    if (level !== 'debug') this.#sink(entry);
  }
}
