import { Agent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Query, StreamableFile } from '@nestjs/common';
import { Public } from '../../../src/auth/access.decorators.js';
import { NoRateLimit } from '../../../src/rest/route-options.decorators.js';
import { Readable } from 'node:stream';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { getOnce } from '../../support/get-once.js';
import { startTestApp, type TestApp } from './test-app.js';

@Public()
@NoRateLimit()
@Controller('api/v1')
class SlowController {
  @Get('slow')
  async slow(@Query('ms') ms: string): Promise<object> {
    await pause(Number(ms));
    return { ms };
  }

  @Get('endless')
  @Header('Content-Type', 'text/plain')
  endless(): StreamableFile {
    return new StreamableFile(
      Readable.from(
        (async function* () {
          for (;;) {
            yield 'x';
            await pause(20);
          }
        })(),
      ),
    );
  }
}

describe('draining', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(() => database?.drop());

  const start = (): Promise<TestApp> => startTestApp(database.url, [SlowController]);

  it('cuts no request of clients that keep their connections busy', async () => {
    const server = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const outcomes: string[] = [];
    let draining = false;
    const client = async (): Promise<void> => {
      for (;;) {
        const outcome = await getOnce(agent, `${server.url}/api/v1/slow?ms=5`);
        outcomes.push(draining ? `draining ${outcome}` : outcome);
        if (outcome !== '200') return;
      }
    };
    const clients = Array.from({ length: 16 }, client);
    while (outcomes.length < 200) await pause(10);
    draining = true;
    const cut = await server.drain.run(10_000);
    await Promise.all(clients);
    agent.destroy();
    await server.close();

    expect(cut).toBe(0);
    expect(outcomes).toContain('draining 200');
    // Each client went on until nobody took its connection any more: none was broken off.
    expect(new Set(outcomes)).toEqual(new Set(['200', 'draining 200', 'draining ECONNREFUSED']));
  });

  it('lets a request finish that takes long, and ends at once when it is done', async () => {
    const server = await start();
    const answer = fetch(`${server.url}/api/v1/slow?ms=1200`);
    await pause(100);
    const startMs = performance.now();
    expect(await server.drain.run(30_000)).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(15_000);
    const response = await answer;
    expect(response.headers.get('connection')).toBe('close');
    expect(await response.json()).toEqual({ ms: '1200' });
    await server.close();
  });

  it('takes no new connection', async () => {
    const server = await start();
    const answer = fetch(`${server.url}/api/v1/slow?ms=500`);
    await pause(100);
    const drained = server.drain.run(10_000);
    expect(await getOnce(new Agent(), `${server.url}/api/v1/slow?ms=0`)).toBe('ECONNREFUSED');
    expect((await answer).status).toBe(200);
    expect(await drained).toBe(0);
    await server.close();
  });

  it('cuts what does not finish in time, and says how much', async () => {
    const server = await start();
    const response = await fetch(`${server.url}/api/v1/endless`);
    const read = response.text().then(
      () => 'whole',
      () => 'broken',
    );
    expect(await server.drain.run(700)).toBe(1);
    expect(await read).toBe('broken');
    await server.close();
  });

  it('is done at once when nobody is there', async () => {
    const server = await start();
    const startMs = performance.now();
    expect(await server.drain.run(10_000)).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(5_000);
    await server.close();
  });
});
