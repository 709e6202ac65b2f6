import 'reflect-metadata';
import { setFlagsFromString } from 'node:v8';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { EmbeddedAgent } from './agents/embedded/embedded-agent.service.js';
import { AppModule } from './app.module.js';
import { Config } from './config/config.js';
import { ConfigurationError, readProcessEnvironment } from './config/read-environment.js';
import { StopSignal } from './config/stop-signal.js';
import { DatabaseStartError } from './database/database-start-error.js';
import { createApp } from './http/app.factory.js';
import { Drain } from './http/drain.js';
import { describeError } from './telemetry/describe-error.js';
import { createLog, flushLog, type Log } from './telemetry/log.js';

/** sysexits.h: a supervisor that sees 78 need not try again before somebody has changed the configuration. */
const EXIT_FAILURE = 1;
const EXIT_CONFIG = 78;
/** Ctrl-C below npm arrives twice: from the terminal, and passed on by npm. */
const ONE_KEYPRESS_MS = 500;

/*
 * The bytes of files pass in buffers outside V8's heap, for which it has a limit of its own: by default it marks the whole
 * heap for every few dozen MiB that are received, a fifth of the CPU time of a large upload. Counted together with the
 * heap, as this flag does it, they are collected when they are many in comparison.
 */
setFlagsFromString('--external-memory-accounted-in-global-limit');

try {
  const environment = readProcessEnvironment();
  const log = createLog(environment.LOG_LEVEL);
  dieLoudly(log);
  await serve(new Config(environment), log).catch((error: unknown) => fail(log, error));
} catch (error) {
  // There is no log before the configuration is known.
  if (!(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_CONFIG;
}

async function serve(config: Config, log: Log): Promise<void> {
  const { HOST, PORT, SHUTDOWN_GRACE_SECONDS } = config.env;
  const stopRequested = stopSignal(log);
  const { app, drain } = await createApp(AppModule.with(config.env), config, log);
  await app.listen(PORT, HOST).catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  const url = config.publicUrl(portOf(app));
  log.info({ url, docs: `${url}/api/docs` }, 'listening');

  const signal = await stopRequested;
  log.info({ signal, graceSeconds: SHUTDOWN_GRACE_SECONDS }, 'stopping');
  await stop(app, drain, SHUTDOWN_GRACE_SECONDS, log);
}

/** Balancers look elsewhere, our own agent ends as long as it is answered, requests under way finish, then modules write what is left, the database last. */
async function stop(
  app: NestFastifyApplication,
  drain: Drain,
  graceSeconds: number,
  log: Log,
): Promise<void> {
  app.get(StopSignal).stop();
  await app.get(EmbeddedAgent, { strict: false }).stop();
  const cut = await drain.run(graceSeconds * 1_000);
  if (cut > 0) log.warn({ requests: cut }, 'requests were cut: they did not finish in time');
  await app.close();
  log.info('stopped');
  await flushLog(log);
  process.exit();
}

/** Resolves at the first signal; a later one ends the process at once. */
function stopSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (askedMs === undefined) {
        askedMs = performance.now();
        resolve(signal);
        return;
      }
      if (performance.now() - askedMs < ONE_KEYPRESS_MS) return;
      log.warn({ signal }, 'second signal: stopping at once');
      void flushLog(log).finally(() => process.exit(EXIT_FAILURE));
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}

function portOf(app: NestFastifyApplication): number {
  const address = app.getHttpServer().address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Nobody knows what state an unforeseen error leaves behind: a supervisor starts a new process. */
function dieLoudly(log: Log): void {
  const die = (error: unknown): void => void fail(log, error);
  process.on('uncaughtException', die).on('unhandledRejection', die);
}

async function fail(log: Log, error: unknown): Promise<void> {
  const reason = reasonOf(error);
  log.fatal({ error: describeError(error) }, reason);
  await flushLog(log);
  process.exit(error instanceof ConfigurationError ? EXIT_CONFIG : EXIT_FAILURE);
}

function reasonOf(error: unknown): string {
  if (error instanceof DatabaseStartError || error instanceof ConfigurationError) return error.message;
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE')
    return `${address}:${port} is taken. Set PORT to another port, or 0 for a free one.`;
  if (code === 'EACCES' && port !== undefined)
    return `Port ${port} needs privileges. Set PORT to 1024 or above.`;
  return 'stowage failed';
}
