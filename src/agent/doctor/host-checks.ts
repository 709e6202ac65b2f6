import { accessSync, constants, opendirSync, readFileSync, statfsSync } from 'node:fs';
import { AgentError, sentenceOf } from '../agent-error.js';
import { loadEnrolment, makeDataDir } from '../enrolment.js';
import { failed, passed, warning, type Outcome } from './check.js';

const MIN_NODE = [24, 15] as const;
/** What the agent itself writes is small; a disk that is as good as full is in trouble anyway. */
const MIN_FREE_BYTES = 64 * 1_024 * 1_024;
const MIN_FREE_INODES = 1_000;

export function checkNode(version = process.versions.node): Outcome {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  if (isEnough) return passed({ version, platform: `${process.platform} ${process.arch}` });
  const wanted = MIN_NODE.join('.');
  return failed(
    'node_too_old',
    `This is Node ${version}; ${wanted} or later is needed.`,
    `Install Node ${wanted} or later.`,
  );
}

/** That it is there, ours, closed to others, and can be written. */
export function checkDataDir(dataDir: string): Outcome {
  try {
    makeDataDir(dataDir);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    return passed({ path: dataDir });
  } catch (error) {
    if (error instanceof AgentError) return failed(error.code, error.message);
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return failed(
      'data_dir_unusable',
      `${dataDir} cannot be written (${why}).`,
      `Run the agent as the owner of ${dataDir}.`,
    );
  }
}

export function checkEnrolment(dataDir: string): Outcome {
  try {
    const { name, server_url } = loadEnrolment(dataDir);
    return passed({ name, server_url });
  } catch (error) {
    const repair = 'Run stowage-agent enrol --server URL --token-file FILE with a token from the server.';
    return failed((error as AgentError).code, sentenceOf(error), repair);
  }
}

export function checkDisk(dataDir: string): Outcome {
  const { bavail, bsize, ffree, files } = statfsSync(dataDir);
  const freeBytes = bavail * bsize;
  const observed = { free_bytes: freeBytes, free_inodes: ffree };
  // Some file systems make inodes as they need them, and tell 0.
  const fewInodes = files > 0 && ffree < MIN_FREE_INODES;
  if (freeBytes >= MIN_FREE_BYTES && !fewInodes) return passed(observed);
  const what = fewInodes ? 'inodes' : 'space';
  return warning(
    'disk_full',
    `There is hardly any ${what} left at ${dataDir}.`,
    'Delete what is not needed there.',
    observed,
  );
}

/** That the path is a directory that this user can list. */
export function checkWorkspace(path: string): Outcome {
  try {
    opendirSync(path).closeSync();
    return passed({ path });
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const repair =
      why === 'EACCES'
        ? 'Run the agent as a user who may read it.'
        : 'Correct the path of the workspace on the server.';
    return failed('workspace_unreadable', `${path} cannot be listed (${why}).`, repair);
  }
}

/** How many directories the kernel watches for one user. */
export function checkWatchLimits(): Outcome {
  const watches = kernelNumber('max_user_watches');
  const instances = kernelNumber('max_user_instances');
  const observed = { max_user_watches: watches, max_user_instances: instances };
  if (watches >= 65_536 && instances >= 32) return passed(observed);
  return warning(
    'watch_limit',
    'The kernel watches few directories for one user; workspaces with more are walked instead, which costs more.',
    'sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512',
    observed,
  );
}

function kernelNumber(name: string): number {
  try {
    return Number(readFileSync(`/proc/sys/fs/inotify/${name}`, 'utf8'));
  } catch {
    return 0;
  }
}
