import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { HARNESS_CORE, HOOKS, pinned } from '../files/child.ts';

const DOUBLE = fileURLToPath(new URL('../../test/support/s3-double/main.ts', import.meta.url));

export interface BucketPlace {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Our double of S3 as a process: checks every signature, keeps bodies below `folder`. */
export class Provider {
  readonly place: BucketPlace;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, place: BucketPlace) {
    this.child = child;
    this.place = place;
  }

  static async start(folder: string): Promise<Provider> {
    const core = pinned ? ['taskset', '-c', String(HARNESS_CORE)] : [];
    const command = [...core, 'setpriv', '--pdeathsig', 'TERM', process.execPath, '--import', HOOKS, DOUBLE];
    const [program = '', ...args] = [...command, '--folder', folder];
    // It ends with its standard input, too.
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit', 'ipc'] });
    const lines = createInterface({ input: child.stdout! });
    const [line] = (await once(lines, 'line')) as [string];
    return new Provider(child, JSON.parse(line) as BucketPlace);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** That it received since it was asked for the last time. */
  async calls(): Promise<number> {
    const answer = once(this.child, 'message');
    this.child.send('calls');
    const [count] = (await answer) as [number];
    return count;
  }

  async stop(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exit;
  }
}
