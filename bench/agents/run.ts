import { cpus } from 'node:os';
import { loadAverage } from '../files/process-meter.ts';
import { measureFleet } from './measure-fleet.ts';
import { measureIdle } from './measure-idle.ts';
import { measureOrders } from './measure-orders.ts';
import { type Case, type Options, readOptions, USAGE } from './options.ts';
import { fleetTable, idleTable, ordersTable } from './report.ts';
import { Stage } from './stage.ts';

/* What many agents cost a server, and what an unchanged workspace costs its host. See bench/README.md. */

process.exitCode = await main().catch((error: unknown) => {
  console.error((error as Error).message);
  return 1;
});

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(USAGE);
    return 0;
  }
  console.error(
    `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, load ${loadAverage()}`,
  );
  for (const name of options.only) console.log(`\n${await onStage(name, options)}\n`);
  return 0;
}

/** Each on a server of its own, so that none finds what another has left. */
async function onStage(name: Case, options: Options): Promise<string> {
  const stage = await Stage.set();
  const clear = stopOnSignal(stage);
  try {
    return await measure(name, stage, options);
  } finally {
    clear();
    await stage.clear();
  }
}

async function measure(name: Case, stage: Stage, options: Options): Promise<string> {
  switch (name) {
    case 'fleet':
      return fleetTable(logged(await measureFleet(stage, options)));
    case 'orders':
      return ordersTable(logged(await measureOrders(stage)));
    case 'idle':
      return idleTable(logged(await measureIdle(stage, options)));
  }
}

function logged<Measured>(measured: Measured): Measured {
  console.log(JSON.stringify(measured));
  return measured;
}

/** Ends everything that runs before this process ends. Answers how to stop listening. */
function stopOnSignal(stage: Stage): () => void {
  const stop = (): void => void stage.clear().finally(() => process.exit(130));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
}
