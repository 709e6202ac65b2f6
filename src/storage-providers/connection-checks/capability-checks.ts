import { createHash, randomBytes } from 'node:crypto';
import { isStorageError } from '../storage-errors.js';
import type { ObjectStorage, SignedRequest } from '../storage-provider.js';
import { failed, passed, skipped, warning, type CheckOutcome } from './check.js';
import { mainKey, type Probe } from './probe.js';

/*
 * What a bucket honours is found out, not believed: a store that silently ignores a condition looks like one that
 * keeps it until two writers meet.
 */

export async function checkConditionalCreate(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  const storage = probe.assuming({ createOnly: true });
  const honoured =
    (await putCreateOnly(probe, storage, `${probe.folder}conditional`, signal)) === 'accepted' &&
    (await putCreateOnly(probe, storage, mainKey(probe), signal)) === 'conflict';
  probe.found.createOnly = honoured;
  if (honoured) return passed();
  return warning('This bucket cannot refuse to overwrite. Stowage never writes to the same name twice.', {
    observed: { create_only: false },
  });
}

export async function checkPresignedPut(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  if (probe.storage.signedUrls === undefined) return skipped('This provider has no signed URLs.');
  for (const digest of ['sha256', 'md5'] as const) {
    if (!(await bindsContent(probe, digest, signal))) continue;
    probe.found.contentBound = digest;
    return passed({ observed: { content_bound: digest } });
  }
  probe.found.contentBound = 'none';
  return unboundPut(probe, signal);
}

/** @throws StorageError for a failure that says nothing about conditions */
async function putCreateOnly(
  probe: Probe,
  storage: ObjectStorage,
  key: string,
  signal: AbortSignal,
): Promise<'accepted' | 'conflict' | 'unsupported'> {
  const { bytes, leftovers } = probe;
  const options = { sizeBytes: bytes.length, createOnly: true, signal };
  try {
    await leftovers.creating(key, () => storage.put(key, bytes, options));
    return 'accepted';
  } catch (error) {
    if (!isStorageError(error)) throw error;
    if (error.code === 'conflict') return 'conflict';
    // B2 answers NotImplemented, others InvalidArgument: the condition is unknown there.
    if (error.code === 'provider_error' && isRefusal(error.httpStatus)) return 'unsupported';
    throw error;
  }
}

/**
 * A URL signed for one content must take that content and no other of the same length, neither with the digest's
 * header nor without it: a digest that may be left out binds nothing.
 */
async function bindsContent(probe: Probe, digest: 'sha256' | 'md5', signal: AbortSignal): Promise<boolean> {
  const storage = probe.assuming({ contentBound: digest });
  const good = await sign(probe, storage, `signed-${digest}`, digest);
  if (!isSuccess(await send(probe, good, probe.bytes, signal))) return false;
  const forged = randomBytes(probe.bytes.length);
  const bad = await sign(probe, storage, `forged-${digest}`, digest);
  const stripped = { ...bad, request: withoutDigests(bad.request) };
  return (
    isRefusal(await send(probe, bad, forged, signal)) &&
    isRefusal(await send(probe, stripped, forged, signal))
  );
}

function withoutDigests(request: SignedRequest): SignedRequest {
  const headers = Object.entries(request.headers).filter(([name]) => !/md5|sha256|checksum|hash/i.test(name));
  return { ...request, headers: Object.fromEntries(headers) };
}

async function unboundPut(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  const status = await send(
    probe,
    await sign(probe, probe.storage, 'signed', undefined),
    probe.bytes,
    signal,
  );
  if (isSuccess(status)) {
    return warning(
      'Signed upload URLs work, but the bucket does not compare the content with them. Stowage verifies such uploads itself.',
      { observed: { content_bound: 'none' } },
    );
  }
  return {
    ...failed(
      'provider_error',
      `An upload to a signed URL was refused with HTTP ${status}.`,
      'Check for a proxy that changes headers or queries, and that the key may write by signed URLs.',
    ),
    observed: { http_status: status },
  };
}

interface SignedProbe {
  readonly key: string;
  readonly request: SignedRequest;
}

async function sign(
  probe: Probe,
  storage: ObjectStorage,
  name: string,
  digest: 'sha256' | 'md5' | undefined,
): Promise<SignedProbe> {
  const key = probe.folder + name;
  const request = await storage.signedUrls!.signPut(key, {
    expiresInSeconds: 300,
    sizeBytes: probe.bytes.length,
    ...(digest && { [digest]: createHash(digest).update(probe.bytes).digest() }),
  });
  return { key, request };
}

/** @returns the HTTP status */
async function send(
  probe: Probe,
  { key, request }: SignedProbe,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const status = await probe.leftovers.creating(key, () => probe.sendSigned(request, body, signal));
  if (isRefusal(status)) probe.leftovers.gone(key);
  return status;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** The request was understood and not done; a 5xx might have been. */
function isRefusal(status: number | undefined): boolean {
  return status !== undefined && ((status >= 400 && status < 500) || status === 501);
}
