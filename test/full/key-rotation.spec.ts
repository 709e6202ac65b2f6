import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MasterKey } from '../../src/credentials/sealing/master-key.js';
import { SealingProcess } from '../integration/credentials/sealing-process.js';
import { startBound } from '../support/bound-process.js';
import { startServer, type TestServer } from '../support/server.js';

const ROTATE_KEY = fileURLToPath(new URL('../../dist/src/cli/rotate-key.js', import.meta.url));
const SETTINGS = '/api/v1/settings/cloud-storage';
const USERS = 5;

describe('npm run rotate-key', () => {
  const oldKey = MasterKey.generateText();
  const newKey = MasterKey.generateText();
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ env: { ENCRYPTION_KEY: oldKey } });
    const saved = await call('PUT', SETTINGS, { provider: 'local_disk', bucket_name: 'files' });
    expect(saved.status).toBe(200);
  });

  afterAll(() => server.stop());

  async function call(method: string, path: string, body?: unknown) {
    const response = await fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${server.adminKey}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  /** Runs the command; `killAt` kills it with SIGKILL as soon as it tells of that many batches. */
  async function rotate(killAt: number, keys = { current: newKey, previous: oldKey }) {
    const command = startBound(process.execPath, [ROTATE_KEY, '--json', '--batch-size', '1'], {
      environment: {
        DATABASE_URL: server.databaseUrl,
        DATA_DIR: server.dataDir,
        ENCRYPTION_KEY: keys.current,
        ENCRYPTION_KEY_PREVIOUS: keys.previous,
      },
    });
    let batches = 0;
    createInterface({ input: command.child.stdout! }).on('line', (line) => {
      if (line.includes('"step":"data_keys"')) batches += 1;
      if (batches >= killAt) command.child.kill('SIGKILL');
    });
    return { ended: await command.ended, output: command.output() };
  }

  /** Users with sealed settings, written by another process with the same key. */
  async function addUsers(keys: Record<string, string>) {
    const writer = await SealingProcess.start({
      DATABASE_URL: server.databaseUrl,
      DATA_DIR: server.dataDir,
      ...keys,
    });
    const sealed = [];
    for (let user = 0; user < USERS; user += 1) {
      const owner = { userId: await writer.newUser(), configId: 1_000 + user, version: 1 };
      sealed.push({ owner, text: await writer.seal(owner, { secret: `canary ${user}` }) });
    }
    await writer.stop();
    return sealed;
  }

  it('says what is wrong with the keys, without showing one, and ends with 1', async () => {
    const stranger = MasterKey.generateText();
    const { ended, output } = await rotate(Infinity, { current: newKey, previous: stranger });
    expect(ended).toBe(1);
    expect(output).toContain(`sealed with master key ${MasterKey.parse(oldKey).id}`);
    for (const key of [oldKey, newKey, stranger]) expect(output).not.toContain(key);
  });

  it('explains itself when a key is missing', async () => {
    const command = startBound(process.execPath, [ROTATE_KEY], {
      environment: { DATABASE_URL: server.databaseUrl, ENCRYPTION_KEY: newKey },
    });
    await once(command.child, 'close');
    expect(await command.ended).toBe(1);
    expect(command.output()).toContain('ENCRYPTION_KEY_PREVIOUS');
  });

  it('goes on where it was killed, while a server works with both keys, until the new one alone is enough', async () => {
    const sealed = await addUsers({ ENCRYPTION_KEY: oldKey });
    await server.restart({ ENCRYPTION_KEY: newKey, ENCRYPTION_KEY_PREVIOUS: oldKey });
    let kills = 0;
    for (;;) {
      const { ended, output } = await rotate(1);
      expect(output).not.toMatch(/canary/);
      expect(await call('POST', `${SETTINGS}/test`)).toMatchObject({ status: 200, body: { success: true } });
      if (ended === 0) break;
      expect(ended).toBe('SIGKILL');
      kills += 1;
    }
    // Each was killed after a batch, some in the middle of the next one.
    expect(kills).toBeGreaterThanOrEqual(2);
    expect(kills).toBeLessThanOrEqual(USERS + 1);

    await server.restart({ ENCRYPTION_KEY: newKey });
    expect((await call('GET', '/health/ready')).status).toBe(200);
    expect(await call('POST', `${SETTINGS}/test`)).toMatchObject({ status: 200, body: { success: true } });
    const reader = await SealingProcess.start({
      DATABASE_URL: server.databaseUrl,
      DATA_DIR: server.dataDir,
      ENCRYPTION_KEY: newKey,
    });
    for (const [user, { owner, text }] of sealed.entries()) {
      expect(await reader.secrets.open(owner, text)).toEqual({ secret: `canary ${user}` });
    }
    await reader.stop();
  });
});
