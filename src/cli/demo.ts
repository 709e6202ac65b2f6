import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DemoApi } from './demo/demo-api.js';
import { DemoReport } from './demo/demo-report.js';
import { startDemoServer, type DemoServer } from './demo/demo-server.js';
import { runScript } from './demo/demo-script.js';
import { runRecoveryScript } from './demo/recovery-script.js';

/*
 * Shows the main job on one machine with nothing configured: embedded PostgreSQL, local disk as the bucket.
 *   --headless  stop when everything was shown    --json  one JSON line a step    --data DIR  where it lives
 */
const { values } = parseArgs({
  options: {
    headless: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    data: { type: 'string', default: '.stowage-demo' },
  },
});
const dataDir = resolve(values.data);
const report = new DemoReport(values.json);

process.exitCode = await demo();

async function demo(): Promise<number> {
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  report.heading(`Stowage demo   data: ${values.data} (made anew at each run)   nothing leaves this machine`);
  let server: DemoServer | undefined;
  try {
    server = await report.step('server', () => startDemoServer(dataDir), describeServer);
    const api = new DemoApi(server.url, server.apiKey);
    const { fileId } = await runScript(api, report);
    await runRecoveryScript(api, report, dataDir);
    if (values.headless) return 0;
    report.goOn(server.url, server.apiKey, fileId);
    await server.stopped(['SIGINT', 'SIGTERM']);
    return 0;
  } catch (error) {
    report.failed(error);
    return 1;
  } finally {
    await server?.stop();
  }
}

function describeServer(server: DemoServer): string {
  return `embedded PostgreSQL, listening on ${server.url}`;
}
