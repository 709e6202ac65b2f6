import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Delete, HttpCode, Post, Req } from '@nestjs/common';
import { IsIn, IsString } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import pg from 'pg';
import { Public, Scopes } from '../../../src/auth/access.decorators.js';
import { RequestError } from '../../../src/errors/request-errors.js';
import { Claim, type IdempotencyClaim } from '../../../src/rest/idempotency-claim.decorator.js';
import { StreamedBody } from '../../../src/rest/route-options.decorators.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually, startTestApp, type TestApp } from './test-app.js';

class Order {
  @IsIn(['do', 'refuse', 'fail', 'wait'])
  what: string;

  @IsString()
  item: string;
}

/** What really happened, over all replicas. */
let effects: { item: string; claim: IdempotencyClaim | undefined }[] = [];
const doors = new EventEmitter();

@Controller('api/v1/orders')
class OrdersController {
  @Scopes('user')
  @Post()
  async create(@Body() order: Order, @Claim() claim?: IdempotencyClaim): Promise<object> {
    if (order.what === 'refuse') throw new RequestError('bad_request', 'Refused.');
    effects.push({ item: order.item, claim });
    if (order.what === 'fail') throw new Error('unforeseen');
    if (order.what === 'wait') {
      doors.emit('waiting');
      await once(doors, 'open');
    }
    return { number: effects.length, secret: 'stw_user_hunter2' };
  }

  @Scopes('user')
  @HttpCode(204)
  @Delete()
  remove(): void {
    effects.push({ item: 'removed', claim: undefined });
  }

  @Scopes('user')
  @StreamedBody()
  @Post('upload')
  async upload(@Req() request: FastifyRequest): Promise<object> {
    let bytes = 0;
    for await (const chunk of request.raw) bytes += (chunk as Buffer).length;
    effects.push({ item: `${bytes} bytes`, claim: undefined });
    return { bytes };
  }

  @Public()
  @Post('public')
  open(): object {
    effects.push({ item: 'public', claim: undefined });
    return {};
  }
}

describe('an Idempotency-Key', () => {
  let database: TestDatabase;
  let replicas: TestApp[];
  let sql: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    replicas = [
      await startTestApp(database.url, [OrdersController]),
      await startTestApp(database.url, [OrdersController]),
    ];
    sql = new pg.Client({ connectionString: database.url });
    await sql.connect();
  });

  afterAll(async () => {
    await sql?.end();
    await Promise.all((replicas ?? []).map((replica) => replica.close()));
    await database?.drop();
  });

  beforeEach(() => {
    effects = [];
  });

  const send = (
    key: string | undefined,
    body: object,
    { replica = 0, user = 'user-1', path = '', method = 'POST' } = {},
  ) =>
    fetch(`${replicas[replica]!.url}/api/v1/orders${path}`, {
      method,
      headers: {
        authorization: `Bearer ${user}`,
        'content-type': 'application/json',
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      body: JSON.stringify(body),
    });
  const order = (what: string, item = 'a') => ({ what, item });

  it('lets a change happen once, and gives the first answer again, on any replica', async () => {
    const key = randomUUID();
    const first = await send(key, order('do'));
    const text = await first.text();
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    for (const replica of [0, 1]) {
      const again = await send(key, order('do'), { replica });
      expect(again.status).toBe(201);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
      expect(await again.text()).toBe(text);
    }
    expect(effects).toHaveLength(1);
  });

  it('replays an answer without a body, too', async () => {
    const key = randomUUID();
    expect((await send(key, {}, { method: 'DELETE' })).status).toBe(204);
    expect((await send(key, {}, { method: 'DELETE' })).status).toBe(204);
    expect(effects).toHaveLength(1);
  });

  it('is refused for another request', async () => {
    const key = randomUUID();
    await send(key, order('do', 'a'));
    const other = await send(key, order('do', 'b'));
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: 'idempotency_key_reused' });
    expect(effects).toHaveLength(1);
  });

  it('belongs to one user, and to one key of that user', async () => {
    const key = randomUUID();
    await send(key, order('do'), { user: 'user-1' });
    expect((await send(key, order('do'), { user: 'user-2' })).status).toBe(201);
    expect((await send(key, order('do'), { user: 'user-1-other' })).status).toBe(422);
    expect(effects).toHaveLength(2);
  });

  it('says that the first request is still running', async () => {
    const key = randomUUID();
    const waiting = once(doors, 'waiting');
    const first = send(key, order('wait'));
    await waiting;
    const second = await send(key, order('wait'), { replica: 1 });
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({ code: 'idempotency_in_progress', retryable: true });
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    doors.emit('open');
    expect((await first).status).toBe(201);
    expect((await send(key, order('wait'), { replica: 1 })).headers.get('idempotency-replayed')).toBe('true');
  });

  it('lets one of many simultaneous requests through', async () => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => send(key, order('do'), { replica: index % 2 })),
    );
    expect(effects).toHaveLength(1);
    for (const answer of answers) expect([201, 409]).toContain(answer.status);
  });

  it('is free again after a refusal, so that the corrected request may use it', async () => {
    const key = randomUUID();
    expect((await send(key, order('refuse'))).status).toBe(400);
    expect((await send(key, { what: 'nothing' })).status).toBe(400);
    expect((await send(key, order('do'))).status).toBe(201);
  });

  it('marks the next attempt after a failure as a resumed one of the same operation', async () => {
    const key = randomUUID();
    expect((await send(key, order('fail'))).status).toBe(500);
    expect((await send(key, order('fail'))).status).toBe(500);
    expect(effects.map(({ claim }) => claim?.resumed)).toEqual([false, true]);
    expect(effects[0]!.claim!.operationId).toBe(effects[1]!.claim!.operationId);
    expect((await send(randomUUID(), order('do'))).status).toBe(201);
    expect(effects[2]!.claim!.operationId).not.toBe(effects[0]!.claim!.operationId);
  });

  it('is taken over from a process that crashed, once its lease is over', async () => {
    const key = randomUUID();
    const waiting = once(doors, 'waiting');
    const crashed = send(key, order('wait'));
    await waiting;
    expect((await send(key, order('wait'), { replica: 1 })).status).toBe(409);
    await sql.query(`UPDATE idempotency_keys SET locked_until = now() WHERE key = $1`, [key]);

    const resumed = once(doors, 'waiting');
    const second = send(key, order('wait'), { replica: 1 });
    await resumed;
    doors.emit('open');
    // The one that was thought dead answers its client, but cannot overwrite what the other stored.
    expect((await crashed).status).toBe(201);
    const answer = await (await second).text();
    expect(effects.map(({ claim }) => claim?.resumed)).toEqual([false, true]);
    expect(await (await send(key, order('wait'))).text()).toBe(answer);
  });

  it('is not taken over by another request', async () => {
    const key = randomUUID();
    await send(key, order('fail', 'a'));
    expect((await send(key, order('do', 'b'))).status).toBe(422);
  });

  it('may be used for something new after a day', async () => {
    const key = randomUUID();
    await send(key, order('do', 'a'));
    await sql.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1`, [
      key,
    ]);
    const fresh = await send(key, order('do', 'b'));
    expect(fresh.status).toBe(201);
    expect(effects.map(({ claim }) => claim?.resumed)).toEqual([false, false]);
  });

  it('leaves nothing readable in the table', async () => {
    const key = randomUUID();
    await send(key, order('do'));
    const { rows } = await sql.query(
      `SELECT row_to_json(k)::text AS row FROM idempotency_keys k WHERE key = $1`,
      [key],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].row).not.toContain('hunter2');
    expect(Buffer.from(JSON.parse(rows[0].row).body, 'base64').toString('latin1')).not.toContain('hunter2');
  });

  it('of an upload stands for its length and type, and a replay does not read the body again', async () => {
    const key = randomUUID();
    const upload = (body: string, type = 'application/octet-stream') =>
      fetch(`${replicas[0]!.url}/api/v1/orders/upload`, {
        method: 'POST',
        headers: { authorization: 'Bearer user-1', 'idempotency-key': key, 'content-type': type },
        body,
      });
    expect(await (await upload('12345')).json()).toEqual({ bytes: 5 });
    expect((await upload('12345')).headers.get('idempotency-replayed')).toBe('true');
    expect((await upload('123456')).status).toBe(422);
    expect((await upload('12345', 'text/plain')).status).toBe(422);
    expect(effects).toHaveLength(1);
  });

  it.each(['', ' ', 'x'.repeat(256), 'ä'.repeat(3)])(
    'must be visible ASCII of a sane length, not "%s"',
    async (key) => {
      const response = await send(
        encodeURI(key) === key ? key : Buffer.from(key).toString('latin1'),
        order('do'),
      );
      // An empty header is as good as none.
      expect(response.status).toBe(key.trim() === '' ? 400 : 400);
      expect(effects).toHaveLength(0);
    },
  );

  it('means nothing on routes without a caller, and is not needed', async () => {
    const key = randomUUID();
    for (let round = 0; round < 2; round++) {
      expect((await send(key, {}, { path: '/public' })).status).toBe(201);
      expect((await send(undefined, order('do'))).status).toBe(201);
    }
    expect(effects).toHaveLength(4);
  });

  it('is kept while the answer’s client is gone', async () => {
    const key = randomUUID();
    const waiting = once(doors, 'waiting');
    const gone = new AbortController();
    const first = fetch(`${replicas[0]!.url}/api/v1/orders`, {
      method: 'POST',
      signal: gone.signal,
      headers: { authorization: 'Bearer user-1', 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(order('wait')),
    }).catch((error: unknown) => error);
    await waiting;
    gone.abort();
    await first;
    doors.emit('open');
    await eventually(
      async () => (await send(key, order('wait'))).headers.get('idempotency-replayed') === 'true',
    );
    expect(effects).toHaveLength(1);
  });
});
