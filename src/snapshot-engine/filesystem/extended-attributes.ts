import { checked, cString, isSystemError, libc, systemError } from './libc.js';

/** By path, without following a symbolic link at its end; or by descriptor. */
export type AttributeOwner = Uint8Array | number;

export interface Attribute {
  readonly name: string;
  readonly value: Buffer;
}

/** Linux's bounds of a list of names and of one value. */
const MAX_LIST_BYTES = 65_536;
const MAX_VALUE_BYTES = 65_536;

/**
 * All attributes that the caller may see, by name ascending; none where the file system has none (`ENOTSUP`). An
 * attribute that vanishes meanwhile, or that cannot be read, is left out. Throws e.g. `ENOENT`.
 */
export function readAttributes(owner: AttributeOwner): readonly Attribute[] {
  return listAttributes(owner)
    .map((name) => ({ name, value: readAttribute(owner, name) }))
    .filter((attribute): attribute is Attribute => attribute.value !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names only: the usual answer, an empty list, takes one call. */
export function listAttributes(owner: AttributeOwner): readonly string[] {
  const list = typeof owner === 'number' ? 'flistxattr' : 'llistxattr';
  const target = typeof owner === 'number' ? owner : cString(owner, list);
  const length = (libc()[list] as ListCall)(target, listed, MAX_LIST_BYTES);
  if (length === 0) return [];
  try {
    checked(length, list, pathOf(owner));
  } catch (error) {
    if (isSystemError(error, 'ENOTSUP', 'EOPNOTSUPP')) return [];
    throw error;
  }
  return listed.toString('utf8', 0, length - 1).split('\0');
}

/** `undefined` when there is none of that name, or none that may be read. */
export function readAttribute(owner: AttributeOwner, name: string): Buffer | undefined {
  const get = typeof owner === 'number' ? 'fgetxattr' : 'lgetxattr';
  const target = typeof owner === 'number' ? owner : cString(owner, get);
  const length = (libc()[get] as GetCall)(target, nameOf(name, get), valued, MAX_VALUE_BYTES);
  try {
    return Buffer.from(valued.subarray(0, checked(length, get, pathOf(owner))));
  } catch (error) {
    if (isSystemError(error, 'ENODATA', 'ENOTSUP', 'EOPNOTSUPP', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}

/** Creates or replaces. Throws e.g. `ENOTSUP`, `EPERM` (a namespace that is not the caller's), `ENOSPC`. */
export function writeAttribute(owner: AttributeOwner, name: string, value: Uint8Array): void {
  const set = typeof owner === 'number' ? 'fsetxattr' : 'lsetxattr';
  if (value.length > MAX_VALUE_BYTES) throw systemError(7, set, pathOf(owner));
  const target = typeof owner === 'number' ? owner : cString(owner, set);
  // An empty Buffer may have no address; the kernel reads no byte of this one.
  const bytes = value.length === 0 ? Buffer.alloc(1) : Buffer.from(value);
  checked((libc()[set] as SetCall)(target, nameOf(name, set), bytes, value.length, 0), set, pathOf(owner));
}

/** Nothing when there is none. */
export function removeAttribute(owner: AttributeOwner, name: string): void {
  const remove = typeof owner === 'number' ? 'fremovexattr' : 'lremovexattr';
  const target = typeof owner === 'number' ? owner : cString(owner, remove);
  try {
    checked((libc()[remove] as RemoveCall)(target, nameOf(name, remove)), remove, pathOf(owner));
  } catch (error) {
    if (!isSystemError(error, 'ENODATA', 'ENOTSUP', 'EOPNOTSUPP')) throw error;
  }
}

type Target = Buffer | number;
type ListCall = (target: Target, into: Buffer, length: number) => number;
type GetCall = (target: Target, name: Buffer, into: Buffer, length: number) => number;
type SetCall = (target: Target, name: Buffer, value: Buffer, length: number, flags: number) => number;
type RemoveCall = (target: Target, name: Buffer) => number;

/** Where answers land; copied out before the next call. */
const listed = Buffer.allocUnsafeSlow(MAX_LIST_BYTES);
const valued = Buffer.allocUnsafeSlow(MAX_VALUE_BYTES);

function nameOf(name: string, syscall: string): Buffer {
  return cString(Buffer.from(name), syscall);
}

function pathOf(owner: AttributeOwner): Uint8Array | undefined {
  return typeof owner === 'number' ? undefined : owner;
}
