import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock } from '../config/clock.js';
import { Statements } from '../database/statements.js';
import { agentRemoved } from './agents-error.js';

/** The agent that a request comes from. */
export interface CallingAgent {
  readonly id: string;
  /** Who enrolled it. */
  readonly userId: number;
  readonly isEmbedded: boolean;
  readonly hostname: string;
  readonly platform: string;
  readonly programVersion: string;
}

/** What another process changed takes effect here after at most this. */
const MAX_AGE_MS = 1_000;
const MAX_AGENTS = 10_000;

const FIND = {
  name: 'agents_find_by_key',
  text: `
    SELECT id, user_id AS "userId", is_embedded AS "isEmbedded", hostname, platform,
        program_version AS "programVersion"
      FROM agents WHERE api_key_id = $1 AND removed_at IS NULL`,
};

/** Tells which agent a key belongs to. */
@Injectable()
export class CallingAgents {
  readonly #known = new LRUCache<string, { readonly agent: CallingAgent; readonly askedAtMs: number }>({
    max: MAX_AGENTS,
  });
  /** Answers to questions from before the last `forgetAll` are not kept. */
  #epoch = 0;

  constructor(
    private readonly statements: Statements,
    private readonly clock: Clock,
  ) {}

  /** @throws AgentsError `agent_removed` */
  async byKey(apiKeyId: string): Promise<CallingAgent> {
    const askedAtMs = this.clock.now();
    const known = this.#known.get(apiKeyId);
    if (known !== undefined && askedAtMs - known.askedAtMs < MAX_AGE_MS) return known.agent;
    const epoch = this.#epoch;
    const [agent] = await this.statements.query<CallingAgent>(FIND, [apiKeyId]);
    if (agent === undefined) throw agentRemoved();
    if (epoch === this.#epoch) this.#known.set(apiKeyId, { agent, askedAtMs });
    return agent;
  }

  /** Of changes by this process: they take effect here at once. */
  forgetAll(): void {
    this.#epoch += 1;
    this.#known.clear();
  }
}
