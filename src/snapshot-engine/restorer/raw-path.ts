/*
 * Paths here are strings with one character for each byte (latin1): half the memory of Buffers, keys of maps, cheap to
 * hand to other threads. Names are separated by `/`; the target itself is the empty path.
 */

export function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function bytesOf(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

export function pathOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** For people: bytes that are not UTF-8 are replaced. */
export function shownPath(path: string): string {
  return bytesOf(path).toString();
}

/** A path that a caller gives: no leading, trailing or double slash, no `.`; `undefined` when it leads upwards. */
export function normalizedPath(bytes: Uint8Array): string | undefined {
  const names = pathOf(bytes)
    .split('/')
    .filter((name) => name !== '' && name !== '.');
  return names.includes('..') ? undefined : names.join('/');
}
