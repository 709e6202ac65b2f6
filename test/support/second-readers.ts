import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireProgram } from './bound-process.js';

/** An S3 server as other people's programs need it. */
export interface S3Account {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export type Program = (...args: readonly string[]) => Promise<string>;

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** rclone with the account as its remote `store:`. Rejects with what it wrote when it fails. */
export function rcloneFor(account: S3Account): Program {
  const program = requireProgram('rclone', 'rclone');
  const settings = {
    TYPE: 's3',
    PROVIDER: 'Other',
    ENDPOINT: account.endpoint,
    REGION: account.region,
    ACCESS_KEY_ID: account.accessKeyId,
    SECRET_ACCESS_KEY: account.secretAccessKey,
  };
  const remote = Object.entries(settings).map(
    ([name, value]) => [`RCLONE_CONFIG_STORE_${name}`, value] as const,
  );
  // rclone 1.60 ends at once when this names a file, whatever its content.
  const { AWS_CA_BUNDLE: _bundle, ...environment } = process.env;
  const env = { ...environment, RCLONE_CONFIG: '/dev/null', ...Object.fromEntries(remote) };
  return async (...args) => {
    const { stdout } = await run(program, ['--retries', '1', '--low-level-retries', '1', ...args], {
      env,
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return stdout;
  };
}

/** s3cmd for the account; its settings are written into `folder`. */
export async function s3cmdFor(account: S3Account, folder: string): Promise<Program> {
  const program = requireProgram('s3cmd', 's3cmd');
  const { host } = new URL(account.endpoint);
  const settings = {
    access_key: account.accessKeyId,
    secret_key: account.secretAccessKey,
    bucket_location: account.region,
    host_base: host,
    host_bucket: host,
    use_https: 'False',
    max_retries: '1',
  };
  const configuration = join(folder, 's3cmd.conf');
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  await writeFile(configuration, ['[default]', ...lines, ''].join('\n'), { mode: 0o600 });
  return async (...args) => {
    const { stdout } = await run(program, ['-c', configuration, '--no-progress', ...args], {
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return stdout;
  };
}
