import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../seeded-random.js';
import type { LineFaults } from '../tcp-proxy.js';
import type { MortalServers } from './servers.js';

/** One kill in so many is PostgreSQL's, whose keeper takes ten in a row for a reason to leave it down. */
const POSTGRES_EVERY = 25;
/** As often in a row nothing could be killed: whatever should be up stays down. */
const MAX_IDLE_ROUNDS = 60;
const GOOD_LINE: LineFaults = {
  latencyMs: 0,
  bytesPerSecond: 0,
  blackHole: false,
  refuse: false,
  unavailable: false,
  cutAfterUpBytes: undefined,
  cutAfterDownBytes: undefined,
};
const BAD_LINES: readonly Partial<LineFaults>[] = [
  { unavailable: true },
  { refuse: true },
  { latencyMs: 40 },
  { cutAfterUpBytes: 30_000 },
  { cutAfterDownBytes: 200 },
];

/** Kills servers and PostgreSQL, `kills` times in all, whenever some more writes were acknowledged. */
export async function killAtRandom(
  servers: MortalServers,
  kills: number,
  { random, acknowledged }: { readonly random: SeededRandom; readonly acknowledged: () => number },
): Promise<void> {
  for (let done = 0, idle = 0; done < kills;) {
    const goal = acknowledged() + 1 + random.below(40);
    // The line may be down and nothing acknowledged: then the kill comes all the same.
    for (let waited = 0; acknowledged() < goal && waited < 100; waited++) await sleep(20);
    const isPostgres = done % POSTGRES_EVERY === POSTGRES_EVERY - 1;
    const killed = isPostgres ? await servers.killPostgres() : await servers.killServer(random);
    if (killed) done += 1;
    idle = killed ? 0 : idle + 1;
    if (idle > MAX_IDLE_ROUNDS) throw new Error(`Nothing came up again after ${done} kills.`);
  }
}

/** Bad moments on the line to the bucket, one after the other, until told to stop; it ends good. */
export async function spoilLine(
  line: { readonly faults: LineFaults; reset(): void },
  random: SeededRandom,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    Object.assign(line.faults, GOOD_LINE);
    await sleep(500 + random.below(2_500));
    Object.assign(line.faults, random.pick(BAD_LINES));
    if (random.chance(30)) line.reset();
    await sleep(100 + random.below(900));
  }
  Object.assign(line.faults, GOOD_LINE);
}
