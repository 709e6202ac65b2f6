import { setTimeout as sleep } from 'node:timers/promises';
import { Child, HARNESS_CORE } from '../files/child.ts';
import { enrolAgents } from './enrolment.ts';
import type { FleetJob } from './fleet.ts';
import type { FleetResult } from './fleet-tally.ts';
import type { Options } from './options.ts';
import type { Stage } from './stage.ts';
import { type ServerCost, watchServer } from './watch.ts';

export type FleetMeasurement = FleetResult & ServerCost & { readonly agents: number };

/** Of these intervals nothing is counted: leases are taken, repositories opened, connections made. */
const WARM_UP_INTERVALS = 1.5;

/** Simulated agents against the server, for so many minutes. */
export async function measureFleet(stage: Stage, options: Options): Promise<FleetMeasurement> {
  const { url, ask } = stage;
  const { agents, intervalSeconds, packBytes } = options;
  const intervalMs = intervalSeconds * 1_000;
  const startedMs = performance.now();
  const enrolled = await enrolAgents({ url, ask, agents, intervalSeconds });
  console.error(
    `${agents} agents and workspaces made in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`,
  );
  const fleet = Child.script(HARNESS_CORE, '../agents/fleet.ts');
  try {
    await fleet.ask('start', { url, agents: enrolled, intervalMs, packBytes } satisfies FleetJob);
    await sleep(intervalMs * WARM_UP_INTERVALS);
    await fleet.ask('reset');
    const finish = await watchServer(stage);
    await sleep(options.minutes * 60_000);
    const cost = await finish();
    const result = await fleet.ask<FleetResult>('result');
    await fleet.ask('end');
    return { agents, ...result, ...cost };
  } finally {
    await fleet.stop();
  }
}
