import { setTimeout as sleep } from 'node:timers/promises';
import { answerOf, Refusal } from './api.js';
import { contentOf, sha256, type UploadPath, type WriterWorld } from './writers.js';

/*
 * Uploads that outlive a request: when one fails they ask what has arrived and go on, whichever server answers.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
/** As often a writer goes on before it gives up. */
const RESUMPTIONS = 12;
const PAUSE_MS = 250;

interface PartUrl {
  readonly part_number: number;
  readonly url: string;
  readonly headers: Record<string, string>;
}

interface NewUpload {
  readonly id: string;
  readonly part_size: number | null;
  readonly part_count: number;
}

interface ArrivedParts {
  readonly data: readonly { readonly part_number: number }[];
}

/** Straight into the bucket: one PUT, or parts. */
export const direct: UploadPath = async (world, name) => {
  const { api, history, random } = world;
  const content = contentOf(name, random.pick([0, 800, 60 * KIB, 90 * KIB, 6 * MIB]));
  const acknowledge = history.invoke(name, sha256(content));
  const upload = await api.json<NewUpload>('POST', '/api/v1/uploads', {
    filename: name,
    size: content.length,
    checksum: sha256(content),
    ...(content.length > 5 * MIB && { part_size: 5 * MIB }),
  });
  const complete = () => api.json<{ id: number }>('POST', `/api/v1/uploads/${upload.id}/complete`, {});
  let isSent = false;
  const file = await goingOn(async () => {
    // Once all was sent, it may be complete already and only the answer was lost.
    if (!isSent) await sendMissing(world, upload, content);
    isSent = true;
    return complete();
  });
  acknowledge(file.id);
};

async function sendMissing(
  { api }: WriterWorld,
  upload: NewUpload,
  content: Buffer<ArrayBuffer>,
): Promise<void> {
  const { id, part_count: count, part_size: partBytes } = upload;
  const { data } = await api.json<ArrivedParts>('GET', `/api/v1/uploads/${id}/parts`);
  const arrived = new Set(data.map(({ part_number: part }) => part));
  const missing = Array.from({ length: count }, (_, at) => at + 1).filter((part) => !arrived.has(part));
  if (missing.length === 0) return;
  const signed = await api.json<{ data: PartUrl[] }>('POST', `/api/v1/uploads/${id}/urls`, {
    part_numbers: missing,
  });
  for (const { part_number: part, url, headers } of signed.data) {
    const from = (part - 1) * (partBytes ?? 0);
    const body = partBytes === null ? content : content.subarray(from, from + partBytes);
    await answerText(await api.fetch(url, { method: 'PUT', headers, body }));
  }
}

/** Through the server, in requests that may all be cut. */
export const tus: UploadPath = async (world, name) => {
  const { api, history, random } = world;
  const content = contentOf(name, random.pick([0, 900, 50 * KIB, 700 * KIB, 6 * MIB]));
  const acknowledge = history.invoke(name, sha256(content));
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const created = await api.fetch('/api/v1/tus', {
    method: 'POST',
    headers: {
      'tus-resumable': '1.0.0',
      'upload-length': String(content.length),
      'upload-metadata': `filename ${encode(name)},filetype ${encode('application/octet-stream')}`,
    },
  });
  await answerText(created);
  const path = created.headers.get('location')!;
  const fileId = await goingOn(async () => {
    const look = await api.fetch(path, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' } });
    await answerText(look);
    const known = look.headers.get('stowage-file-id');
    if (known !== null) return Number(known);
    return sendRest(world, path, content, Number(look.headers.get('upload-offset')));
  });
  acknowledge(fileId);
};

async function sendRest(
  { api, random }: WriterWorld,
  path: string,
  content: Buffer<ArrayBuffer>,
  offset: number,
): Promise<number> {
  for (let at = offset; ;) {
    const end = random.chance(50) ? content.length : Math.min(content.length, at + 1 + random.below(2 * MIB));
    const response = await api.fetch(path, {
      method: 'PATCH',
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': String(at),
        'content-type': 'application/offset+octet-stream',
      },
      body: content.subarray(at, end),
    });
    await answerText(response);
    const fileId = response.headers.get('stowage-file-id');
    if (fileId !== null) return Number(fileId);
    at = Number(response.headers.get('upload-offset'));
  }
}

async function goingOn<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === RESUMPTIONS || isFinal(error)) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

/** Refused for what it is: trying again would not help. 409 and 423 pass, as do failures of the bucket. */
function isFinal(error: unknown): boolean {
  return error instanceof Refusal && [400, 401, 403, 404, 410, 413, 422].includes(error.status);
}

async function answerText(response: Response): Promise<void> {
  if (response.ok) await response.arrayBuffer();
  else await answerOf(response);
}
