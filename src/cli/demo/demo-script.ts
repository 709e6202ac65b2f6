import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DemoApi, UploadedFile } from './demo-api.js';
import type { DemoReport } from './demo-report.js';

const PROJECT = join(fileURLToPath(import.meta.url), '../../../../..');
const BIG_FILE_BYTES = 32 * 1024 * 1024;

interface TestResult {
  readonly success: boolean;
  readonly latency_ms: number;
  readonly details?: string;
  readonly checks: readonly { id: string; status: string; latency_ms?: number; repair?: string }[];
}

interface LocalFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The main job, step by step; throws at the first thing that is not as it should be. */
export async function runScript(api: DemoApi, report: DemoReport): Promise<{ fileId: number }> {
  await report.step(
    'bucket',
    () => configure(api),
    (text) => text,
  );
  await report.step('connection test', () => testConnection(api, report), summarize);
  const files = await localFiles();
  const uploaded = await report.step('upload', () => upload(api, files), describeUpload);
  await report.step(
    'download',
    () => compare(api, files, uploaded),
    (text) => text,
  );
  await report.step(
    'listing',
    () => list(api, uploaded),
    (text) => text,
  );
  return { fileId: uploaded[0]!.id };
}

async function configure(api: DemoApi): Promise<string> {
  await api.json('PUT', '/api/v1/settings/cloud-storage', { provider: 'local_disk', bucket_name: 'demo' });
  return 'local_disk "demo", settings sealed with AES-256-GCM';
}

async function testConnection(api: DemoApi, report: DemoReport): Promise<TestResult> {
  const result = await api.json<TestResult>('POST', '/api/v1/settings/cloud-storage/test');
  for (const check of result.checks) {
    report.detail(
      `${check.status.padEnd(8)} ${check.id.padEnd(20)} ${check.latency_ms ?? ''}${check.latency_ms === undefined ? '' : ' ms'}`,
    );
  }
  if (!result.success) throw new Error(`The connection test failed: ${result.details ?? 'no details'}`);
  return result;
}

function summarize(result: TestResult): string {
  const passed = result.checks.filter((check) => check.status === 'passed').length;
  const skipped = result.checks.filter((check) => check.status === 'skipped').length;
  return `${passed} checks passed${skipped > 0 ? `, ${skipped} do not apply to this provider` : ''}`;
}

async function localFiles(): Promise<LocalFile[]> {
  const names = ['package.json', 'package-lock.json', 'LICENSE', 'README.md'];
  const real = await Promise.all(
    names.map(async (name) => ({ name, bytes: new Uint8Array(await readFile(join(PROJECT, name))) })),
  );
  return [...real, { name: 'random-32-MiB.bin', bytes: new Uint8Array(randomBytes(BIG_FILE_BYTES)) }];
}

async function upload(api: DemoApi, files: readonly LocalFile[]): Promise<UploadedFile[]> {
  const uploaded: UploadedFile[] = [];
  for (const file of files) uploaded.push(await api.upload(file.name, file.bytes));
  return uploaded;
}

function describeUpload(uploaded: readonly UploadedFile[]): string {
  const mebibytes = uploaded.reduce((sum, file) => sum + file.file_size, 0) / 1024 / 1024;
  return `${uploaded.length} files, ${mebibytes.toFixed(1)} MiB, hashed while streaming`;
}

async function compare(
  api: DemoApi,
  files: readonly LocalFile[],
  uploaded: readonly UploadedFile[],
): Promise<string> {
  for (const [index, file] of files.entries()) {
    const wanted = sha256(file.bytes);
    const { id, checksum } = uploaded[index]!;
    if (checksum !== wanted)
      throw new Error(`${file.name}: the server computed another SHA-256 than we did.`);
    if (sha256(await api.download(id)) !== wanted)
      throw new Error(`${file.name} came back with other bytes.`);
  }
  return `${files.length} files through signed URLs, all SHA-256 equal`;
}

async function list(api: DemoApi, uploaded: readonly UploadedFile[]): Promise<string> {
  const page = await api.json<{ data: readonly { id: number }[] }>('GET', '/api/v1/files?limit=100');
  const listed = new Set(page.data.map((file) => file.id));
  const absent = uploaded.filter((file) => !listed.has(file.id));
  if (absent.length > 0) throw new Error(`${absent.map((file) => file.filename).join(', ')} not listed.`);
  return `${listed.size} files listed`;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
