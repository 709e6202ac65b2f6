import type { Readable } from 'node:stream';
import { isStorageError } from '../storage-errors.js';
import type { MultipartUploads } from '../storage-provider.js';
import { failed, failedBy, passed, skipped, warning, type CheckOutcome } from './check.js';
import { mainKey, type Probe } from './probe.js';

const RANGE = { start: 256, end: 511 };

export async function checkWrite(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  const { storage, bytes, leftovers } = probe;
  const key = mainKey(probe);
  await leftovers.creating(key, () =>
    storage.put(key, bytes, { sizeBytes: bytes.length, contentType: 'application/octet-stream', signal }),
  );
  return passed({ observed: { size_bytes: bytes.length } });
}

export async function checkReadBack(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  const content = await probe.storage.get(mainKey(probe), { signal });
  return same(await readAtMost(content.body, probe.bytes.length), probe.bytes) ? passed() : otherBytes();
}

export async function checkRange(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  const content = await probe.storage.get(mainKey(probe), { range: RANGE, signal });
  const wanted = probe.bytes.subarray(RANGE.start, RANGE.end + 1);
  const isRight =
    same(await readAtMost(content.body, wanted.length), wanted) && content.totalBytes === probe.bytes.length;
  return isRight ? passed() : otherBytes();
}

export async function checkMultipart(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  const { storage, bytes, leftovers } = probe;
  const { multipart } = storage;
  if (multipart === undefined) return skipped('This provider stores objects of any size in one call.');
  const key = `${probe.folder}multipart`;
  const { uploadId } = await multipart.create(key, { contentType: 'application/octet-stream', signal });
  leftovers.uploadStarted(key, uploadId);
  const part = await multipart.uploadPart(key, uploadId, 1, bytes, { sizeBytes: bytes.length, signal });
  const unlisted = await listingProblem(multipart, key, uploadId, signal);
  await leftovers.creating(key, () => multipart.complete(key, uploadId, [part], { signal }));
  leftovers.uploadEnded(uploadId);
  const content = await storage.get(key, { signal });
  if (!same(await readAtMost(content.body, bytes.length), bytes)) return otherBytes();
  return unlisted ?? passed();
}

/** Only uploads that go past this server need the list of parts: without it everything else works. */
async function listingProblem(
  multipart: MultipartUploads,
  key: string,
  uploadId: string,
  signal: AbortSignal,
): Promise<CheckOutcome | undefined> {
  try {
    const parts = await multipart.listParts(key, uploadId, { signal });
    if (parts.length === 1) return undefined;
    return warning('The bucket lists other parts than were uploaded, so direct uploads cannot be completed.');
  } catch (error) {
    if (!isStorageError(error, 'access_denied')) throw error;
    return warning(
      'The key may not list the parts of an upload, so large direct uploads cannot be completed.',
      {
        code: error.code,
        repair: error.hint,
      },
    );
  }
}

export async function checkDelete(probe: Probe, signal: AbortSignal): Promise<CheckOutcome> {
  const { storage, leftovers } = probe;
  const key = mainKey(probe);
  await storage.delete(key, { signal });
  try {
    (await storage.get(key, { signal })).body.destroy();
  } catch (error) {
    if (!isStorageError(error)) throw error;
    // S3 answers 403 for an absent object when the key may not list.
    if (error.code !== 'object_not_found' && error.code !== 'access_denied') return failedBy(error);
    leftovers.gone(key);
    return passed();
  }
  return failed(
    'integrity',
    'The object can still be read after it was deleted.',
    'Check whether something in front of the bucket caches answers, and bypass it.',
  );
}

function otherBytes(): CheckOutcome {
  return failed(
    'integrity',
    'The bytes that came back are not the bytes that were written.',
    'Check for a proxy or gateway in front of the bucket that changes bodies, and bypass it.',
  );
}

/** One byte more than `sizeBytes` at most: enough to tell that there is too much. */
async function readAtMost(body: Readable, sizeBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    received += chunk.length;
    if (received > sizeBytes) break;
  }
  return Buffer.concat(chunks);
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
