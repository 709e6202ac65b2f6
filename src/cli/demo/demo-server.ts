import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newApiKey } from '../../auth/api-key-format.js';
import { childEnvironment } from '../../config/child-environment.js';

export interface DemoServer {
  readonly url: string;
  readonly apiKey: string;
  /** Resolves when one of the signals arrives. */
  stopped(signals: readonly NodeJS.Signals[]): Promise<void>;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const MAIN = join(fileURLToPath(import.meta.url), '../../../main.js');

/** Starts the real server as its own process on embedded defaults, with an admin key made for this run. */
export async function startDemoServer(dataDir: string): Promise<DemoServer> {
  const apiKey = newApiKey('admin');
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnvironment({ DATA_DIR: dataDir, PORT: '0', STOWAGE_ADMIN_KEY: apiKey }),
    // Its own group, so that Ctrl-C reaches the server once and through stop().
    detached: true,
  });
  const endWithUs = (): void => void child.kill('SIGTERM');
  process.once('exit', endWithUs);
  const url = await listeningUrl(child);
  return {
    url,
    apiKey,
    stopped: (signals) =>
      new Promise((resolve) => signals.forEach((signal) => process.once(signal, () => resolve()))),
    async stop() {
      process.off('exit', endWithUs);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Reads the server's log until it says where it listens; keeps reading afterwards so that it never blocks. */
function listeningUrl(child: ChildProcess): Promise<string> {
  const lastLines: string[] = [];
  return new Promise((resolve, reject) => {
    const giveUp = (reason: string): void =>
      reject(new Error([`The server did not start: ${reason}.`, ...lastLines].join('\n')));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      giveUp(`nothing heard for ${START_TIMEOUT_MS / 1000} s`);
    }, START_TIMEOUT_MS);
    child.once('exit', (code) => giveUp(`it ended with code ${code}`));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > 20) lastLines.shift();
      const url = /"msg":"listening"/.test(line) ? /"url":"([^"]+)"/.exec(line)?.[1] : undefined;
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}
