import { createHash } from 'node:crypto';
import { noise } from '../noise.js';
import type { SeededRandom } from '../seeded-random.js';
import { answerOf, type MortalApi } from './api.js';
import type { History } from './history.js';

export interface WriterWorld {
  readonly api: MortalApi;
  readonly history: History;
  readonly random: SeededRandom;
  /** On the servers’ machine, for files that they read themselves. */
  readonly folder: string;
  /** Where the application's own table is. */
  readonly databaseUrl: string;
}

/** One way a file gets into the bucket. Resolves once it was acknowledged; rejects when that is not known. */
export type UploadPath = (world: WriterWorld, name: string) => Promise<void>;

interface AnsweredFile {
  readonly id: number;
  readonly filename: string;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bodies that are the file: one call of the bucket, a streamed one, and many calls when the length is not told. */
export const raw: UploadPath = async ({ api, history, random }, name) => {
  const content = contentOf(name, random.pick([0, 700, 10 * KIB, 300 * KIB]));
  const acknowledge = history.invoke(name, sha256(content));
  const response = await api.fetch(`/api/v1/files?filename=${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: content,
  });
  acknowledge((await answerOf<AnsweredFile>(response)).id);
};

export const chunked: UploadPath = async ({ api, history, random }, name) => {
  const content = contentOf(name, random.pick([9 * KIB, 400 * KIB, 6 * MIB]));
  const acknowledge = history.invoke(name, sha256(content));
  const body = new Blob([content]).stream();
  const response = await api.fetch(`/api/v1/files?filename=${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body,
    duplex: 'half',
  });
  acknowledge((await answerOf<AnsweredFile>(response)).id);
};

export const form: UploadPath = async ({ api, history, random }, name) => {
  const body = new FormData();
  const acknowledge = new Map<string, (fileId: number) => void>();
  for (const part of [`${name}.1`, `${name}.2`]) {
    const content = contentOf(part, random.pick([500, 40 * KIB]));
    acknowledge.set(part, history.invoke(part, sha256(content)));
    body.append('files', new File([content], part));
  }
  const response = await api.fetch('/api/cloud/upload', { method: 'POST', body });
  const files = await answerOf<{ id: string; filename: string }[]>(response);
  for (const { id, filename } of files) acknowledge.get(filename)!(Number(id));
};

/** A file, and then other contents for it: each makes the former one a version. */
export const overwriting: UploadPath = async ({ api, history, random }, name) => {
  for (let turn = 1; turn <= 3; turn++) {
    const content = contentOf(`${name} ${turn}`, random.pick([300, 20 * KIB]));
    const acknowledge = history.invoke(name, sha256(content));
    const response = await api.fetch(`/api/v1/files?filename=${name}&overwrite=true`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: content,
    });
    acknowledge((await answerOf<AnsweredFile>(response)).id);
  }
};

export function contentOf(seed: string, sizeBytes: number): Buffer<ArrayBuffer> {
  return Buffer.from(noise(sizeBytes, seed));
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
