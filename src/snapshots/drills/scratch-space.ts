import { chmod, lstat, mkdir, opendir, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const READABLE = 0o400;
const OPEN_DIRECTORY = 0o700;

/** Where drills restore to: a folder for each, closed to others, gone when the drill is over. */
export class ScratchSpace {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  pathOf(drillId: string): string {
    return join(this.#root, drillId);
  }

  /** Bytes that may be written there: half of what is free. */
  async roomBytes(): Promise<number> {
    await this.#make();
    const { bavail, bsize } = await statfs(this.#root);
    return Math.floor((bavail * bsize) / 2);
  }

  /** @returns what lies there, by the ids of drills */
  async drills(): Promise<string[]> {
    await this.#make();
    return readdir(this.#root);
  }

  /** Idempotent. */
  async remove(drillId: string): Promise<void> {
    const path = this.pathOf(drillId);
    await openToOwner(path);
    await rm(path, { recursive: true, force: true });
  }

  async #make(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: OPEN_DIRECTORY });
  }
}

/**
 * Snapshots have files that their owner may not read and directories that it may not enter, and so have their copies.
 * Afterwards whoever made them can read and remove them; an administrator can so anyway. Links are not followed.
 */
export async function openToOwner(path: string): Promise<void> {
  if (process.geteuid?.() === 0) return;
  const status = await lstat(path).catch(() => undefined);
  if (status?.isFile() && (status.mode & READABLE) === 0) await chmod(path, status.mode | READABLE);
  if (!status?.isDirectory()) return;
  if ((status.mode & OPEN_DIRECTORY) !== OPEN_DIRECTORY) await chmod(path, status.mode | OPEN_DIRECTORY);
  for await (const { name } of await opendir(path)) await openToOwner(join(path, name));
}
