import { execFile } from 'node:child_process';

export interface ResticResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface ResticOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** More output than this is an error, not a test. */
const MAX_OUTPUT_BYTES = 256 * 1_024 * 1_024;
const TIMEOUT_MS = 10 * 60_000;

/**
 * Runs stock restic on the repository at `repositoryPath` (or a restic URL), without a cache, and answers what it
 * printed. Rejects with both outputs when restic fails or is not installed: a witness must not be missing in silence.
 */
export async function restic(
  repositoryPath: string,
  password: string,
  ...args: readonly string[]
): Promise<string> {
  const result = await tryRestic(repositoryPath, password, args);
  if (result.exitCode === 0) return result.stdout;
  throw new Error(
    `restic ${args.join(' ')} ended with ${result.exitCode}:\n${result.stdout}${result.stderr}`,
  );
}

/** Like `restic`, but a failing exit code is an answer. */
export function tryRestic(
  repositoryPath: string,
  password: string,
  args: readonly string[],
  { cwd, env }: ResticOptions = {},
): Promise<ResticResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ResticResult>();
  execFile(
    'restic',
    ['-r', repositoryPath, '--no-cache', ...args],
    {
      cwd,
      env: { ...process.env, ...env, RESTIC_PASSWORD: password, GOMAXPROCS: '2' },
      maxBuffer: MAX_OUTPUT_BYTES,
      timeout: TIMEOUT_MS,
      encoding: 'utf8',
    },
    (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr, exitCode: 0 });
      else if (typeof error.code === 'number') resolve({ stdout, stderr, exitCode: error.code });
      else reject(new Error(`restic could not be run: ${error.message}`, { cause: error }));
    },
  );
  return promise;
}
