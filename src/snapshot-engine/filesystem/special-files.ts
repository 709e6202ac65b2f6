import { AT_FDCWD, checked, cString, libc } from './libc.js';
import { FILE_TYPE } from './entry-status.js';

export type SpecialFileKind = 'fifo' | 'socket' | 'characterDevice' | 'blockDevice';

export interface SpecialFile {
  readonly kind: SpecialFileKind;
  /** Of devices: `st_rdev`. */
  readonly device?: bigint;
  /** Permission bits; the process's umask does not apply where they are set again afterwards. */
  readonly permissions: number;
}

/**
 * Makes a FIFO, a socket without a listener, or a device. `EEXIST` when the name is taken; never follows a link.
 * Devices are root's (`EPERM`); FIFOs and sockets are anybody's.
 */
export function createSpecialFile(path: Uint8Array, file: SpecialFile, at: number = AT_FDCWD): void {
  const terminated = cString(path, 'mknodat');
  const mode = FILE_TYPE[file.kind] | file.permissions;
  checked(libc().mknodat(at, terminated, mode, file.device ?? 0n), 'mknodat', path);
}
