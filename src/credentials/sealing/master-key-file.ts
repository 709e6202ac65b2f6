import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MasterKey, MasterKeyError } from './master-key.js';

export interface MasterKeyFile {
  readonly path: string;
  readonly key: MasterKey;
  /** Whether this call made it. */
  readonly created: boolean;
  /** Whether others than the owner may read it. */
  readonly exposed: boolean;
}

export function masterKeyPath(dataDir: string): string {
  return join(dataDir, 'master-key');
}

/** @returns undefined when there is no file @throws MasterKeyError naming the path when it holds no key */
export async function readMasterKeyFile(dataDir: string): Promise<MasterKeyFile | undefined> {
  const path = masterKeyPath(dataDir);
  try {
    const text = (await readFile(path, 'utf8')).trim();
    const { mode } = await stat(path);
    return { path, key: MasterKey.parse(text), created: false, exposed: (mode & 0o077) !== 0 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof MasterKeyError) throw new MasterKeyError(`${path} is wrong. ${error.message}`);
    throw error;
  }
}

/**
 * Reads the generated master key, or makes one that survives a crash. An existing file is never overwritten; of
 * two processes that start at once, both get the key of the one that was first.
 */
export async function readOrCreateMasterKeyFile(dataDir: string): Promise<MasterKeyFile> {
  const existing = await readMasterKeyFile(dataDir);
  if (existing !== undefined) return existing;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const created = await publishOnce(masterKeyPath(dataDir), `${MasterKey.generateText()}\n`);
  const file = await readMasterKeyFile(dataDir);
  if (file === undefined) throw new Error(`${masterKeyPath(dataDir)} disappeared while it was being made`);
  return { ...file, created };
}

/** Written aside, made durable, then linked: the name shows the whole content or does not exist. */
async function publishOnce(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeDurably(temporary, content);
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
    await syncFolder(dirname(path));
  }
}

async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
