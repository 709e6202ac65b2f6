#!/usr/bin/env -S node --max-semi-space-size=4 --disable-warning=ExperimentalWarning
import { SystemClock } from '../config/clock.js';
import { codeOf, sentenceOf } from './agent-error.js';
import { readCommandLine, runCommand, type CommandLine } from './commands/command-line.js';
import { readEnvironment, type CommandContext } from './commands/command-context.js';
import { Terminal } from './commands/terminal.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';

/* The command line of a host: stowage-agent. */
process.exitCode = await main(process.argv.slice(2));
// A kept-alive connection or a thread must not keep a finished command waiting.
process.exit();

async function main(args: readonly string[]): Promise<ExitCode> {
  let terminal = new Terminal({ json: args.includes('--json'), quiet: false, plain: true });
  const stop = stopSignal();
  try {
    const line = readCommandLine(args);
    const context = contextOf(line, stop);
    terminal = context.terminal;
    const code = await runCommand(line, context);
    return stop.aborted && line.command !== 'run' ? EXIT.cancelled : code;
  } catch (error) {
    if (stop.aborted) return EXIT.cancelled;
    terminal.fail(codeOf(error) ?? 'internal_error', sentenceOf(error));
    return exitCodeOf(error);
  }
}

function contextOf({ values, flags }: CommandLine, signal: AbortSignal): CommandContext {
  const environment = readEnvironment(flags);
  const clock = new SystemClock();
  return {
    flags,
    environment,
    terminal: new Terminal({ json: values.json, quiet: values.quiet, plain: environment.plain }),
    now: () => clock.now(),
    signal,
  };
}

/** Aborted by the first signal; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(EXIT.cancelled);
    stop.abort(new Error(`Stopped by ${signal}.`));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return stop.signal;
}
