import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** What one command took. */
export interface Cost {
  readonly wallSeconds: number;
  /** User and system time of all its threads. */
  readonly cpuSeconds: number;
  readonly peakRssMib: number;
}

const LOOK_MS = 20;

/** Runs a program to its end. @throws Error when it fails, with what it said */
export async function measureCommand(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Cost & { readonly output: string }> {
  const startMs = performance.now();
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-100_000)));
  }
  let latest = { cpuSeconds: 0, peakRssMib: 0 };
  const look = setInterval(() => (latest = usageOf(child.pid!) ?? latest), LOOK_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(look);
  const wallSeconds = (performance.now() - startMs) / 1_000;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`);
  return { wallSeconds, ...latest, output };
}

/** Of a running process; undefined when it has ended. The last look is at most LOOK_MS old. */
function usageOf(pid: number): { cpuSeconds: number; peakRssMib: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return peak === undefined ? undefined : { cpuSeconds: ticks / 100, peakRssMib: Number(peak) / 1_024 };
  } catch {
    return undefined;
  }
}
