import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Statements } from '../../database/statements.js';
import { type CallingAgent, CallingAgents } from '../calling-agents.service.js';

/** What a host says about itself at each sync. */
export interface HostFacts {
  readonly hostname: string;
  readonly platform: string;
  readonly program_version: string;
}

const FLUSH_EVERY_MS = 3_000;

const TOUCH = {
  name: 'agents_touch',
  text: `
    WITH free AS (SELECT id FROM agents WHERE id = ANY($1::uuid[]) FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE agents SET last_seen_at = now() FROM free WHERE agents.id = free.id`,
};

const DESCRIBE = {
  name: 'agents_describe',
  text: `
    UPDATE agents SET hostname = $2, platform = $3, program_version = $4, last_seen_at = now() WHERE id = $1`,
};

/** Remembers when agents were last heard of, and writes it down every few seconds: one statement for all of them. */
@Injectable()
export class AgentPresence implements OnModuleInit, BeforeApplicationShutdown {
  readonly #logger = new Logger(AgentPresence.name);
  #heard = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;

  constructor(
    private readonly statements: Statements,
    private readonly agents: CallingAgents,
  ) {}

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** No more of them than there are agents. */
  heard(agentId: string): void {
    this.#heard.add(agentId);
  }

  /** After an update of its program or a move, an agent is another one than the row says. */
  async describe(agent: CallingAgent, { hostname, platform, program_version }: HostFacts): Promise<void> {
    this.heard(agent.id);
    const isSame =
      agent.hostname === hostname && agent.platform === platform && agent.programVersion === program_version;
    if (isSame) return;
    await this.statements.query(DESCRIBE, [agent.id, hostname, platform, program_version]);
    this.agents.forgetAll();
  }

  /** When the database is away it is dropped: the next heartbeat tells it again. */
  async flush(): Promise<void> {
    if (this.#heard.size === 0) return;
    const heard = [...this.#heard];
    this.#heard = new Set();
    try {
      await this.statements.query(TOUCH, [heard]);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#logger.warn('when agents were last seen could not be written', error);
      this.#isFailing = true;
    }
  }
}
