import AwsS3 from '@uppy/aws-s3';

const MIB = 1024 * 1024;

/** Length of each part but the last: at least 5 MiB, and at most 10,000 parts. */
const partBytes = ({ size }) => Math.max(16 * MIB, Math.ceil(size / 10_000 / MIB) * MIB);

/**
 * Lets an Uppy send its files straight into the bucket of a Stowage user. `server` is Stowage's origin and `key` the user's
 * API key; other options go to @uppy/aws-s3. A file that is added again after a reload goes on where it was.
 */
export function uploadToStowage(uppy, { server, key, ...options }) {
  const { getChunkSize = partBytes, retryDelays = [0, 1_000, 3_000, 5_000] } = options;
  const ask = (method, path, init) => askStowage(server + path, key, retryDelays, { method, ...init });

  uppy.use(AwsS3, {
    // For small files too: Stowage takes their one part by one PUT, and Uppy repeats it and completes the upload.
    shouldUseMultipart: true,
    ...options,
    getChunkSize,
    retryDelays,

    async createMultipartUpload(file) {
      const { id } = await ask('POST', '/api/v1/uploads', {
        headers: { 'idempotency-key': crypto.randomUUID() },
        body: {
          filename: file.name,
          size: file.size,
          content_type: file.type,
          part_size: getChunkSize(file.data),
        },
      });
      localStorage.setItem(placeOf(file), id);
      return { uploadId: id, key: id };
    },

    async signPart(_file, { uploadId, partNumber, signal }) {
      const body = { part_numbers: [partNumber] };
      const { data } = await ask('POST', `/api/v1/uploads/${uploadId}/urls`, { body, signal });
      return { method: 'PUT', url: data[0].url, headers: data[0].headers };
    },

    async uploadPartBytes(request) {
      try {
        return await AwsS3.uploadPartBytes(request);
      } catch (error) {
        // One PUT creates only. What is there already is this file: the answer to an earlier attempt was lost.
        if (error.source?.status !== 412) throw error;
        request.onComplete('');
        return { ETag: '' };
      }
    },

    async listParts(_file, { uploadId, signal }) {
      const { data } = await ask('GET', `/api/v1/uploads/${uploadId}/parts`, { signal });
      return data.map((part) => ({ PartNumber: part.part_number, Size: part.size, ETag: part.etag }));
    },

    async completeMultipartUpload(file, { uploadId, parts, signal }) {
      const seen = parts.filter(({ ETag }) => ETag !== '');
      const body = { parts: seen.map(({ PartNumber, ETag }) => ({ part_number: PartNumber, etag: ETag })) };
      const stored = await ask('POST', `/api/v1/uploads/${uploadId}/complete`, { body, signal });
      forget(file, uploadId);
      return { location: `${server}/api/v1/files/${stored.id}/content`, file: stored };
    },

    async abortMultipartUpload(file, { uploadId }) {
      forget(file, uploadId);
      await ask('DELETE', `/api/v1/uploads/${uploadId}`);
    },
  });

  uppy.addPreProcessor(async (fileIds) => {
    for (const file of uppy.getFilesByIds(fileIds)) {
      const id = localStorage.getItem(placeOf(file));
      if (id === null || file.s3Multipart !== undefined) continue;
      const upload = await ask('GET', `/api/v1/uploads/${id}`).catch(() => undefined);
      const partSize = upload?.part_size ?? getChunkSize(file.data);
      if (upload?.state !== 'open' || partSize !== getChunkSize(file.data)) continue;
      uppy.setFileState(file.id, { s3Multipart: { uploadId: id, key: id } });
    }
  });
}

const placeOf = (file) => `stowage-upload:${file.id}`;

/** Another upload of the same file may have taken its place. */
function forget(file, id) {
  if (localStorage.getItem(placeOf(file)) === id) localStorage.removeItem(placeOf(file));
}

/** Repeats what may succeed: after a cut connection, and when the answer says that it is worth while. */
async function askStowage(url, key, retryDelays, { body, headers, ...init }) {
  const json = body && { body: JSON.stringify(body) };
  const type = body && { 'content-type': 'application/json' };
  const request = { ...init, ...json, headers: { authorization: `Bearer ${key}`, ...type, ...headers } };
  for (let attempt = 0; ; attempt += 1) {
    try {
      const response = await fetch(url, request);
      const text = await response.text();
      const answer = text === '' ? undefined : JSON.parse(text);
      if (response.ok) return answer;
      throw Object.assign(new Error(answer.detail), { code: answer.code, final: !answer.retryable });
    } catch (error) {
      if (error.final || init.signal?.aborted || attempt >= retryDelays.length) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, retryDelays[attempt]));
  }
}
