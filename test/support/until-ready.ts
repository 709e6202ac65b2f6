import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again until `probe` holds: for programs that cannot tell when they are ready. */
export async function untilReady(
  what: string,
  probe: () => Promise<boolean>,
  options: { readonly timeoutMs: number; readonly explain?: () => string },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  while (!(await probe().catch(() => false))) {
    if (performance.now() > deadline) {
      throw new Error(`${what} is not ready after ${options.timeoutMs} ms. ${options.explain?.() ?? ''}`);
    }
    await sleep(100);
  }
}

/** A port that was free a moment ago, for programs that must be told one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
