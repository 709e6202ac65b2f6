import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../child.ts';
import type { LoadResult } from '../load/jobs.ts';
import type { Api } from '../server.ts';

/** How long a change took, and what it is about. */
export interface Change {
  readonly name: string;
  readonly count: number;
  readonly p50Ms: number;
  readonly longestMs: number;
}

/** Changes with which their user has a million files. */
export interface Changed {
  readonly api: Api;
  readonly userId: number;
  readonly port: number;
  readonly load: Child;
}

const BULK_FILES = 1_000;
const BULKS = 20;
const UPLOADS = 300;
const UPLOAD_BYTES = 10 * 1024;
/** Of another change, while a folder is renamed. */
const BESIDE_EVERY_MS = 20;
/** Enough for every upload here, with a million files below it. */
const QUOTA_BYTES = 1e15;

/** Measures them one after the other, each as its user would wait for it. */
export async function changes(changed: Changed, report: (change: Change) => void): Promise<void> {
  report(await uploads(changed, 'upload of 10 KiB, without a quota'));
  await setQuota(changed, QUOTA_BYTES);
  report(await uploads(changed, 'upload of 10 KiB, with a quota'));
  await setQuota(changed, null);
  report(await bulkTag(changed));
  for (const change of await renameFolder(changed)) report(change);
}

async function uploads({ load, port, api }: Changed, name: string): Promise<Change> {
  const job = {
    port,
    headers: api.headers,
    path: '/api/v1/files',
    field: 'file',
    sizeBytes: UPLOAD_BYTES,
    concurrency: 1,
  };
  const result = await load.ask<LoadResult>('upload', { ...job, stop: { requests: UPLOADS } });
  if (result.errors > 0) throw new Error(`${name}: ${result.firstError}`);
  return { name, count: result.requests, p50Ms: result.p50Ms, longestMs: result.longestMs };
}

function setQuota({ api, userId }: Changed, quotaBytes: number | null): Promise<unknown> {
  return api.ask('PATCH', `/api/v1/users/${userId}`, { quota_bytes: quotaBytes });
}

async function bulkTag({ api }: Changed): Promise<Change> {
  const { data } = await api.ask<{ data: { id: number }[] }>(
    'GET',
    `/api/v1/files?limit=${BULK_FILES}&sort=file_size`,
  );
  const ids = data.map(({ id }) => id);
  const took: number[] = [];
  for (let n = 0; n < BULKS; n += 1) {
    took.push(
      await timed(() => api.ask('POST', '/api/v1/files/bulk', { action: 'tag', ids, tags: [`bulk${n}`] })),
    );
  }
  return summary('1,000 files get a tag', took);
}

/** There and back, while another file of the same user is changed again and again. */
async function renameFolder({ api }: Changed): Promise<Change[]> {
  const [beside] = (await api.ask<{ data: { id: number }[] }>('GET', '/api/v1/files?limit=1&folder=')).data;
  const besides: number[] = [];
  const took: number[] = [];
  for (const [from, to] of [
    ['camera/', 'photos/'],
    ['photos/', 'camera/'],
  ]) {
    let isDone = false;
    const renamed = timed(() => api.ask('POST', '/api/v1/folders/rename', { from, to })).finally(
      () => (isDone = true),
    );
    while (!isDone) {
      const tags = [`beside${besides.length}`];
      besides.push(await timed(() => api.ask('PATCH', `/api/v1/files/${beside!.id}`, { tags })));
      await sleep(BESIDE_EVERY_MS);
    }
    took.push(await renamed);
  }
  return [
    summary('folder with 100,000 files gets another name', took),
    summary('change of another file meanwhile', besides),
  ];
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
}

function summary(name: string, took: readonly number[]): Change {
  const sorted = took.toSorted((a, b) => a - b);
  return {
    name,
    count: took.length,
    p50Ms: sorted[Math.floor(sorted.length / 2)]!,
    longestMs: sorted.at(-1)!,
  };
}
