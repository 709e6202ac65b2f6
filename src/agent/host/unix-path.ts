import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** `sun_path` holds 108 bytes with the NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

/** Calls `use` with a path that the kernel takes for a unix socket, however long the folder's own is. */
export async function withSocketPath<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return use(path);
  const folder = openSync(dirname(path), 'r');
  try {
    return await use(`/proc/self/fd/${folder}/${basename(path)}`);
  } finally {
    closeSync(folder);
  }
}
