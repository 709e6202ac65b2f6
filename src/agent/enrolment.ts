import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { newApiKey } from '../auth/api-key-format.js';
import { AgentError } from './agent-error.js';

/** Who this host is to its server: `agent.json` in the data folder. */
export interface Enrolment {
  readonly server_url: string;
  readonly agent_id: string;
  readonly name: string;
  /** As secret as a password. */
  readonly api_key: string;
  /** http to another machine was asked for. */
  readonly insecure_http?: boolean;
}

const FILE_NAME = 'agent.json';
/** An enrolment that has not been answered yet. */
const BEGUN_NAME = 'enrolling.json';
const OTHERS = 0o077;

/**
 * What `saveEnrolment` has written. Throws `not_enrolled` when there is nothing, and `unsafe_settings` when others on
 * this machine could read or change it.
 */
export function loadEnrolment(dataDir: string): Enrolment {
  const path = join(dataDir, FILE_NAME);
  assertClosed(dataDir, '700');
  assertClosed(path, '600');
  try {
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as Partial<Enrolment>;
    const { server_url, agent_id, name, api_key } = parsed;
    if ([server_url, agent_id, name, api_key].every((text) => typeof text === 'string' && text !== '')) {
      return parsed as Enrolment;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') {
      throw unsafe(`${path} cannot be read by this user; run the agent as the user that enrolled it.`);
    }
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw unsafe(`${path} is damaged; enrol again with --force.`);
}

export function isEnrolled(dataDir: string): boolean {
  try {
    return statSync(join(dataDir, FILE_NAME)).isFile();
  } catch {
    return false;
  }
}

/** Durable when it returns, and never half there. Makes the folder, for its owner only. */
export function saveEnrolment(dataDir: string, enrolment: Enrolment): void {
  writeDurably(dataDir, FILE_NAME, enrolment);
  endEnrolment(dataDir);
}

/**
 * The key that this host asks the server for with this token: the same one until `saveEnrolment`, also after a kill, so
 * that an answer that was lost can be had again.
 */
export function beginEnrolment(dataDir: string, token: string): string {
  makeDataDir(dataDir);
  const token_sha256 = createHash('sha256').update(token).digest('hex');
  const begun = loadBegun(dataDir);
  if (begun?.token_sha256 === token_sha256 && typeof begun.api_key === 'string') return begun.api_key;
  const api_key = newApiKey('agent');
  writeDurably(dataDir, BEGUN_NAME, { token_sha256, api_key });
  return api_key;
}

/** Forgets the key that `beginEnrolment` has made. */
export function endEnrolment(dataDir: string): void {
  rmSync(join(dataDir, BEGUN_NAME), { force: true });
}

function loadBegun(
  dataDir: string,
): { readonly token_sha256?: unknown; readonly api_key?: unknown } | undefined {
  try {
    const begun: unknown = JSON.parse(readFileSync(join(dataDir, BEGUN_NAME), 'utf8'));
    return typeof begun === 'object' && begun !== null ? begun : undefined;
  } catch {
    return undefined;
  }
}

function writeDurably(dataDir: string, name: string, content: object): void {
  makeDataDir(dataDir);
  const path = join(dataDir, name);
  const temporary = `${path}.new`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeSync(fd, `${JSON.stringify(content, undefined, 2)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  const folder = openSync(dataDir, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** Throws `unsafe_settings` when it is there and open to others. */
export function makeDataDir(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  assertClosed(dataDir, '700');
}

/** Throws `not_enrolled` when it is missing, `unsafe_settings` when others may look into it. */
function assertClosed(path: string, mode: string): void {
  let status;
  try {
    status = statSync(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!missing) throw unsafe(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    throw new AgentError(
      'not_enrolled',
      `This host is not enrolled: there is no ${path}. Run stowage-agent enrol --server URL --token-file FILE first.`,
      { cause: error },
    );
  }
  if ((status.mode & OTHERS) !== 0) {
    throw unsafe(`Others on this machine may use ${path}. Run chmod ${mode} ${path} first.`);
  }
  const user = process.getuid?.() ?? 0;
  if (status.uid !== user && user !== 0) {
    throw unsafe(`${path} belongs to another user; run the agent as the user that enrolled it.`);
  }
}

function unsafe(message: string): AgentError {
  return new AgentError('unsafe_settings', message);
}
