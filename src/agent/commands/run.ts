import { availableParallelism, hostname, userInfo } from 'node:os';
import { RestingWorkers, WorkerPool } from '../../snapshot-engine/index.js';
import { VERSION } from '../../config/version.js';
import { codeOf, sentenceOf } from '../agent-error.js';
import { ObjectTransfers } from '../brokered-files/object-transfers.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { AgentLog, type LogEntry } from '../host/agent-log.js';
import { controlAnswers } from '../host/control-answers.js';
import { controlSocketPath } from '../host/control-protocol.js';
import { ControlServer } from '../host/control-server.js';
import { HostAgent } from '../host/host-agent.js';
import { NativeMemory } from '../host/native-memory.js';
import { claimDataDir } from '../host/single-instance.js';
import { Systemd } from '../host/systemd.js';
import { makeDataDir } from '../enrolment.js';
import type { HostServices } from '../host-services.js';
import { connectionOf, enrolmentOf, type CommandContext } from './command-context.js';

export interface RunArguments {
  /** Ends when the standard input does: the server that started it is gone. */
  readonly supervised: boolean;
}

/** More would be faster on large machines, but a host has better things to do. */
const MAX_THREADS = 2;
/** After the signal; what is not done then is repeated by the next start. */
const STOP_MS = 20_000;

/** Snapshots and restores until it is told to stop. */
export async function run(context: CommandContext, { supervised }: RunArguments): Promise<ExitCode> {
  const { environment, now } = context;
  const enrolment = enrolmentOf(context);
  makeDataDir(environment.dataDir);
  const claim = await claimDataDir(environment.dataDir);
  const log = new AgentLog(logLines(process.stderr), now);
  const signal = supervised ? AbortSignal.any([context.signal, endOfInput()]) : context.signal;
  const services = startServices(context, log);
  const agent = new HostAgent(services);
  const control = new ControlServer(
    controlSocketPath(environment.dataDir),
    controlAnswers(agent, services, enrolment),
  );
  const systemd = new Systemd(environment.notifySocket, environment.watchdogMs);
  try {
    await control.listen();
    log.info('agent_started', {
      version: VERSION,
      server: enrolment.server_url,
      data_dir: environment.dataDir,
    });
    systemd.ready('Snapshots run.');
    signal.addEventListener('abort', () => endLate(log, systemd), { once: true });
    await agent.run(signal);
    log.info('agent_stopped');
    return EXIT.done;
  } catch (error) {
    log.error('agent_failed', { code: codeOf(error), detail: sentenceOf(error) });
    throw error;
  } finally {
    await control.close();
    await Promise.all([services.workers.close(), services.transfers.close(), services.server.close()]);
    claim.close();
  }
}

function startServices(context: CommandContext, log: AgentLog): HostServices {
  const threads = Math.min(MAX_THREADS, availableParallelism());
  const memory = new NativeMemory();
  const entry = new URL('../../snapshot-engine/engine-worker.js', import.meta.url);
  return {
    server: connectionOf(enrolmentOf(context), context),
    transfers: new ObjectTransfers(context.environment.proxies),
    workers: new RestingWorkers({
      threads,
      start: () => new WorkerPool({ threads, entry }),
      onIdle: () => memory.giveBack(),
    }),
    log,
    dataDir: context.environment.dataDir,
    hostname: hostname(),
    username: userInfo().username,
    now: context.now,
  };
}

/** Whatever hangs must not keep a host from shutting down. */
function endLate(log: AgentLog, systemd: Systemd): void {
  systemd.stopping();
  log.info('agent_stopping');
  setTimeout(() => {
    log.error('agent_stop_took_too_long');
    process.exit(EXIT.failed);
  }, STOP_MS).unref();
}

function endOfInput(): AbortSignal {
  const ended = new AbortController();
  const end = () => ended.abort(new Error('The process that started this agent has ended.'));
  process.stdin.on('end', end).on('close', end).on('error', end).resume();
  return ended.signal;
}

/** For people on a terminal, as JSON for everything else. */
function logLines(stream: NodeJS.WriteStream): (entry: LogEntry) => void {
  return (entry) => void stream.write(`${stream.isTTY ? logLine(entry) : JSON.stringify(entry)}\n`);
}

export function logLine({ time, level, event, ...facts }: LogEntry): string {
  const told = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${time} ${level.padEnd(5)} ${event}${told.join('')}`;
}
