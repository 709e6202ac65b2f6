import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '../../config/child-environment.js';
import type { DemoApi } from './demo-api.js';

const run = promisify(execFile);

/** Lets restic, which knows nothing of us, read every byte of the repository; says so when it is not installed. */
export async function checkWithRestic(api: DemoApi, workspaceId: string): Promise<string> {
  const { location, password } = await api.json<{ location: string; password: string }>(
    'POST',
    `/api/v1/workspaces/${workspaceId}/repository-password`,
  );
  const env = childEnvironment({
    RESTIC_REPOSITORY: location,
    RESTIC_PASSWORD: password,
    HOME: '/nonexistent',
  });
  const restic = (...args: string[]) => run('restic', ['--no-cache', '--no-lock', ...args], { env });
  try {
    await restic('check', '--read-data');
    const { stdout } = await restic('snapshots', '--json');
    const snapshots = JSON.parse(stdout) as readonly unknown[];
    return `check --read-data found no errors, ${snapshots.length} snapshots`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'not installed here, so not asked';
    throw error;
  }
}
