import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const TICK_SECONDS = 0.01; // USER_HZ is 100 on every Linux that Node runs on

/** CPU seconds of a process and its children since they started: precise per thread, complete when threads ended. */
export class CpuReading {
  private readonly scheduled: number;
  private readonly ticks: number;

  constructor(pid: number) {
    const pids = processTree(pid);
    this.scheduled = sum(pids.map(scheduledSeconds));
    this.ticks = sum(pids.map(tickSeconds));
  }

  /** Seconds since `earlier`. A thread that ended took its precise figure with it: then the ticks know better. */
  since(earlier: CpuReading): number {
    return Math.max(this.scheduled - earlier.scheduled, this.ticks - earlier.ticks - 2 * TICK_SECONDS);
  }
}

/** Forgets the peak so far, so that the next `peakRssMib` is the peak from now on. */
export function resetPeakRss(pid: number): void {
  for (const each of processTree(pid)) writeFileSync(`/proc/${each}/clear_refs`, '5');
}

export function rssMib(pid: number): number {
  return sum(processTree(pid).map((each) => statusKib(each, 'VmRSS'))) / 1024;
}

export function peakRssMib(pid: number): number {
  return sum(processTree(pid).map((each) => statusKib(each, 'VmHWM'))) / 1024;
}

export function loadAverage(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
}

function processTree(pid: number): number[] {
  const children = readTasks(pid).flatMap((task) => {
    const text = readOr(`/proc/${pid}/task/${task}/children`, '');
    return text.split(' ').filter(Boolean).map(Number);
  });
  return [pid, ...children.flatMap(processTree)];
}

function scheduledSeconds(pid: number): number {
  const nanoseconds = readTasks(pid).map((task) =>
    Number(readOr(`/proc/${pid}/task/${task}/schedstat`, '0').split(' ')[0]),
  );
  return sum(nanoseconds) / 1e9;
}

function tickSeconds(pid: number): number {
  // Fields after the program's name, which may hold spaces: utime stime cutime cstime are 14 to 17.
  const fields = readOr(`/proc/${pid}/stat`, '').split(') ').at(-1)?.split(' ') ?? [];
  return sum(fields.slice(11, 15).map(Number)) * TICK_SECONDS;
}

function readTasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // ended in between
  }
}

function statusKib(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readOr(`/proc/${pid}/status`, ''));
  return Number(match?.[1] ?? 0);
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
