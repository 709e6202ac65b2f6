import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const HOOKS = new URL('../../../test/support/typescript-hooks.mjs', import.meta.url).href;
const POOL = new URL('./worker-pool.ts', import.meta.url).href;
const ENTRY = new URL('../engine-worker.ts', import.meta.url).href;

/** In a process of its own, which must survive what is tried here. */
async function run(script: string): Promise<string> {
  const program = `
    import { WorkerPool } from ${JSON.stringify(POOL)};
    const newPool = (threads) =>
      new WorkerPool({ threads, entry: new URL(${JSON.stringify(ENTRY)}), execArgv: ['--import', ${JSON.stringify(HOOKS)}] });
    ${script}`;
  const args = ['--import', HOOKS, '--input-type=module', '--eval', program];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

describe('a pool of threads', () => {
  it('may be closed while its threads still load', async () => {
    const script = `
      for (let turn = 0; turn < 4; turn++) {
        const pool = newPool(2);
        await new Promise((resolve) => setTimeout(resolve, 30 * turn));
        await pool.close();
      }
      console.log('alive');`;
    expect(await run(script)).toBe('alive\n');
  });

  it('lets a process end that leaves it open, once its threads have loaded', async () => {
    expect(await run(`newPool(2); console.log('done');`)).toBe('done\n');
  });
});
