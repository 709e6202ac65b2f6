import { setTimeout as pause } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { AddressInfo, Server } from 'node:net';
import { Config } from '../../config/config.js';
import { AgentProcess } from './agent-process.js';
import { EmbeddedIdentity } from './embedded-identity.service.js';
import { ownUrl } from './own-url.js';

/** Until somebody has opened the setup link. */
const NO_ADMINISTRATOR_MS = 1_000;
/** An end longer than this after the start counts as the first. */
const STABLE_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** A run under way may be committed; the next start repeats what is not done then. */
const STOP_MS = 15_000;

/**
 * The agent on the server's own machine: the same program as on every other host, run as a child process. It is
 * enrolled as soon as there is an administrator, started again when it ends, and ends with this process however that
 * ends. Of two on one folder the second waits: the agent itself sees to that.
 */
@Injectable()
export class EmbeddedAgent implements BeforeApplicationShutdown {
  readonly #logger = new Logger(EmbeddedAgent.name);
  readonly #stopping = new AbortController();
  #supervision: Promise<void> | undefined;
  #process: AgentProcess | undefined;

  constructor(
    private readonly identity: EmbeddedIdentity,
    private readonly config: Config,
    host: HttpAdapterHost,
  ) {
    const { EMBEDDED_AGENT, STOWAGE_ROLES, HOST } = config.env;
    if (!EMBEDDED_AGENT || !STOWAGE_ROLES.includes('worker')) return;
    // Only now is the port known, and only a server that listens can be asked.
    host.listen$?.subscribe(() => {
      const { port } = (host.httpAdapter.getHttpServer() as Server).address() as AddressInfo;
      this.#supervision ??= this.supervise(ownUrl(HOST, port));
    });
  }

  /** To be called while requests are still answered: the agent commits what it has begun and gives its leases back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#process?.stop(Math.min(STOP_MS, this.config.env.SHUTDOWN_GRACE_SECONDS * 1_000));
    await this.#supervision;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  private async supervise(url: string): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted;) {
      const sinceMs = performance.now();
      const how = await this.once(url).catch((error: unknown) => error as Error);
      if (signal.aborted) return;
      failures = performance.now() - sinceMs > STABLE_MS ? 1 : failures + 1;
      const pauseMs = how === undefined ? NO_ADMINISTRATOR_MS : pauseAfter(failures);
      if (how !== undefined) this.#logger.warn(problemOf(how, pauseMs));
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Answers how the agent ended; undefined: it could not begin because there is no administrator. */
  private async once(url: string): Promise<string | undefined> {
    const { dataDir } = this.identity;
    // The own machine may be reached by an address of its network: nothing leaves it.
    const place = ['--data-dir', dataDir, '--server', url, '--insecure-http'];
    if (!(await this.identity.isEnrolled())) {
      const token = await this.identity.issueToken();
      if (token === undefined) return undefined;
      const how = await this.run({
        args: ['enrol', '--quiet', '--force', '--token-file', '-', ...place],
        input: token,
      });
      if (how !== 'code 0') return `enrolment: ${how}`;
    }
    return this.run({ args: ['run', '--supervised', ...place] });
  }

  private async run(options: { readonly args: readonly string[]; readonly input?: string }): Promise<string> {
    if (this.#stopping.signal.aborted) return 'stopped';
    const agent = new AgentProcess({ ...options, onLine: (line) => this.passOn(line) });
    this.#process = agent;
    const how = await agent.ended;
    this.#process = undefined;
    return how;
  }

  /** Its log is JSON lines; whatever else it says, such as a crash of Node, is passed on as it is. */
  private passOn(line: string): void {
    const entry = parseEntry(line);
    if (entry === undefined) {
      if (line.trim() !== '') this.#logger.warn(line);
      return;
    }
    const { level, event, time: _time, ...facts } = entry;
    const message = { msg: event, ...facts };
    if (level === 'error') this.#logger.error(message);
    else if (level === 'warn') this.#logger.warn(message);
    else this.#logger.log(message);
  }
}

function pauseAfter(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
}

function problemOf(how: string | Error, pauseMs: number): string {
  const why = typeof how === 'string' ? how : how.message;
  return `This machine's own agent ended (${why}). It is started again in ${pauseMs / 1_000} s.`;
}

interface Entry {
  readonly level: string;
  readonly event: string;
  readonly [fact: string]: unknown;
}

function parseEntry(line: string): Entry | undefined {
  try {
    const entry = JSON.parse(line) as Partial<Entry> | null;
    return typeof entry?.event === 'string' && typeof entry.level === 'string' ? (entry as Entry) : undefined;
  } catch {
    return undefined;
  }
}
