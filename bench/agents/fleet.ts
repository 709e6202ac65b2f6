import { Agent } from 'undici';
import { answerCommands } from '../files/commands.ts';
import type { EnrolledAgent } from './enrolment.ts';
import { FleetTally, type FleetResult } from './fleet-tally.ts';
import { SimulatedAgent } from './simulated-agent.ts';

/* A process full of simulated agents. */

export interface FleetJob {
  readonly url: string;
  readonly agents: readonly EnrolledAgent[];
  readonly intervalMs: number;
  readonly packBytes: number;
}

const BUCKET_CONNECTIONS = 64;
const tally = new FleetTally();
const stop = new AbortController();
let living: Promise<unknown> | undefined;

answerCommands({ start, reset: () => tally.reset(), result: (): FleetResult => tally.result(), end });

/** Their runs are spread evenly over the interval. */
function start({ url, agents, intervalMs, packBytes }: FleetJob): void {
  const bucket = new Agent({ connections: BUCKET_CONNECTIONS, keepAliveTimeout: 60_000 });
  const options = { url, intervalMs, packBytes, bucket, tally, signal: stop.signal };
  const beginMs = performance.now() + 1_000;
  living = Promise.all(
    agents.map((agent, index) =>
      new SimulatedAgent(agent, options).live(beginMs + (index / agents.length) * intervalMs),
    ),
  );
}

async function end(): Promise<void> {
  stop.abort();
  await living;
}
