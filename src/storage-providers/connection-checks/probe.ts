import type { ObjectStorage, StorageCapabilities } from '../storage-provider.js';
import type { StorageError } from '../storage-errors.js';
import type { Leftovers } from './leftovers.js';

/** What the checks of one test share. */
export interface Probe {
  /** The bucket as real work sees it: prefixed, retrying. */
  readonly storage: ObjectStorage;
  /** Random folder of this test below the prefix, ending with a slash. */
  readonly folder: string;
  /** What is written. */
  readonly bytes: Uint8Array;
  readonly leftovers: Leftovers;
  /** The same bucket with capabilities taken for granted, so that the bucket itself says whether it has them. */
  assuming(capabilities: Partial<StorageCapabilities>): ObjectStorage;
  /** Sends a signed request as a client without our code would. */
  readonly sendSigned: SendSigned;
  /** Asks as a browser does before it sends; absent where no network lies in between. */
  readonly preflight?: SendPreflight;
  /** How the first authenticated call ended. */
  firstCall?: { readonly error?: StorageError };
  /** What the bucket proved. */
  readonly found: { createOnly?: boolean; contentBound?: StorageCapabilities['contentBound'] };
}

/** @returns the HTTP status @throws StorageError when there was no answer */
export type SendSigned = (
  request: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
  body: Uint8Array,
  signal: AbortSignal,
) => Promise<number>;

/** @throws StorageError when there was no answer */
export type SendPreflight = (
  url: string,
  asked: { readonly origin: string; readonly headers: readonly string[] },
  signal: AbortSignal,
) => Promise<{
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}>;

/** The object that later checks read. */
export function mainKey(probe: Probe): string {
  return `${probe.folder}write`;
}
