import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { pinned } from './child.ts';
import type { Measurement } from './measurement.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { loadAverage } from './process-meter.ts';
import { profileOperations } from './profile.ts';
import { figuresTable, goalsTable, progressLine } from './report.ts';
import { runRounds } from './rounds.ts';
import { Stage } from './stage.ts';
import { judge } from './verdicts.ts';

/* Compares the file API with a bare pass-through server. See bench/README.md. */

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
  const deadlineMs = performance.now() + options.limitMinutes * 60_000;
  const write = lineWriter(options.outFile);
  write(JSON.stringify(circumstances(options)));
  if (!pinned) console.error('Only one core: servers and harness share it, the figures mean little.');
  const stage = await Stage.set(options.peers, options.profileFolder !== undefined);
  const release = stopOnSignal(stage);
  try {
    if (options.profileFolder !== undefined)
      return await profileOperations(stage, options, options.profileFolder);
    return await compare(stage, options, deadlineMs, write);
  } finally {
    release();
    await stage.clear();
  }
}

async function compare(
  stage: Stage,
  options: Options,
  deadlineMs: number,
  write: (line: string) => void,
): Promise<number> {
  const measurements: Measurement[] = [];
  let rejected: string | undefined;
  try {
    await runRounds(stage, options, deadlineMs, (measurement) => {
      measurements.push(measurement);
      write(JSON.stringify(measurement));
      console.error(progressLine(measurement));
    });
  } catch (error) {
    rejected = (error as Error).message;
  }
  console.log(
    `\n${figuresTable(options.operations, measurements)}\n\n${goalsTable(options.operations, measurements)}\n`,
  );
  console.log(`load average now ${loadAverage()}`);
  if (rejected !== undefined) {
    console.log(`REJECTED, a request failed: ${rejected}`);
    return 1;
  }
  return judge(options.operations, measurements).some(({ passed }) => passed === false) ? 2 : 0;
}

function circumstances({ rounds, quick, operations, peers }: Options): object {
  return {
    run: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    loadAverage: loadAverage(),
    rounds,
    quick,
    peers,
    operations: operations.map(({ name }) => name),
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return 'unknown'; // not a clone
  }
}

function lineWriter(file: string | undefined): (line: string) => void {
  if (file === undefined) return (line) => console.log(line);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  return (line) => appendFileSync(file, `${line}\n`);
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
