import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startBound, type BoundProcess } from '../bound-process.js';
import type { PersonalityName } from './personalities.js';

export interface S3DoubleProcessOptions {
  readonly folder: string;
  readonly personality?: PersonalityName;
  readonly port?: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3DoubleProcess {
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly bucket: string;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const support = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The double as a process of its own, for tests that kill the store or that need it to outlive them. */
export async function startS3DoubleProcess(options: S3DoubleProcessOptions): Promise<S3DoubleProcess> {
  const bound = startBound(process.execPath, [
    '--import',
    support('../typescript-hooks.mjs'),
    support('./main.ts'),
    ...[
      '--folder',
      options.folder,
      '--personality',
      options.personality ?? 'aws',
      '--port',
      String(options.port ?? 0),
    ],
    ...['--access-key', options.accessKeyId, '--secret-key', options.secretAccessKey],
  ]);
  const ready = JSON.parse(await firstLine(bound)) as { endpoint: string; region: string; bucket: string };
  return {
    ...ready,
    port: Number(new URL(ready.endpoint).port),
    kill: async () => {
      bound.child.kill('SIGKILL');
      await bound.ended;
    },
    stop: () => bound.stop(),
  };
}

async function firstLine(bound: BoundProcess): Promise<string> {
  const lines = createInterface({ input: bound.child.stdout! });
  const line = new Promise<string>((resolve) => lines.once('line', resolve));
  const end = bound.ended.then((how) => {
    throw new Error(`The S3 double did not start (${how}): ${bound.output()}`);
  });
  return Promise.race([line, end]);
}
