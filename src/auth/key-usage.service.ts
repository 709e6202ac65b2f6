import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Statements } from '../database/statements.js';

const FLUSH_EVERY_MS = 5_000;
/** More keys in five seconds than this are not noted; they will be the next time. */
const MAX_NOTED = 20_000;

/** Rows that somebody else is changing are left alone: two replicas never wait for each other here. */
const TOUCH_KEYS = {
  name: 'api_keys_touch',
  text: `
    WITH used AS (SELECT * FROM unnest($1::uuid[], $2::float8[]) AS used (id, at_ms)),
      free AS (
        SELECT id FROM api_keys WHERE id IN (SELECT id FROM used) FOR NO KEY UPDATE SKIP LOCKED
      )
    UPDATE api_keys
    SET last_used_at = greatest(api_keys.last_used_at, to_timestamp(used.at_ms / 1000))
    FROM used JOIN free USING (id)
    WHERE api_keys.id = used.id`,
};

/** Remembers when keys were used last and writes it down every few seconds: one statement for all of them. */
@Injectable()
export class KeyUsage implements OnModuleInit, BeforeApplicationShutdown {
  readonly #logger = new Logger(KeyUsage.name);
  #noted = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #failing = false;

  constructor(private readonly statements: Statements) {}

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  note(apiKeyId: string, usedAtMs: number): void {
    if (this.#noted.size < MAX_NOTED || this.#noted.has(apiKeyId)) this.#noted.set(apiKeyId, usedAtMs);
  }

  /** It is information, no more: when the database is away, it is dropped. */
  async flush(): Promise<void> {
    const noted = this.#noted;
    if (noted.size === 0) return;
    this.#noted = new Map();
    try {
      await this.statements.query(TOUCH_KEYS, [[...noted.keys()], [...noted.values()]]);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#logger.warn('last use of API keys could not be written', error);
      this.#failing = true;
    }
  }
}
