import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { EVENTS } from '../../../src/webhooks/event-types.js';
import type {
  WebhookDeliveryDto,
  WebhookDto,
  WebhookWithSecretDto,
} from '../../../src/webhooks/webhooks.dto.js';
import { Receiver, status } from './receiver.js';
import { WebhooksApp } from './webhooks-app.js';

const HEALTH = {
  workspace_id: '0198c1f2-6f0e-4b7e-9f43-0d8f6a1d9a10',
  workspace_name: 'training-run',
  health: 'overdue',
  previous_health: 'ok',
  reason: 'The newest snapshot is 95 s old; one is due every 30 s.',
};

describe('webhooks', () => {
  let receiver: Receiver;
  let app: WebhooksApp;
  let user: { userId: number; key: string };
  const secrets: string[] = [];

  beforeAll(async () => {
    receiver = await Receiver.start();
    app = await WebhooksApp.start([`127.0.0.1:${receiver.port}`, 'private.example', '127.0.0.1:1']);
    user = await app.newUser();
  });

  afterAll(async () => {
    await app.stop();
    await receiver.stop();
  });

  async function create(path: string, values: object = {}, key = user.key): Promise<WebhookWithSecretDto> {
    const payload = { url: receiver.url(path), ...values };
    const created = await app.ok<WebhookWithSecretDto>(201, 'POST', '/webhooks', { key, payload });
    secrets.push(created.secret);
    return created;
  }

  const emitHealth = (userId = user.userId, data = HEALTH) =>
    app.database.transaction((manager) =>
      app.webhooks.emit(manager, { userId, type: 'workspace.health_changed', data }),
    );
  const ended = (found: WebhookDeliveryDto[]) =>
    found.length > 0 && found.every(({ state }) => state !== 'pending');
  const attempted = (found: WebhookDeliveryDto[]) =>
    found.length > 0 && found.every(({ attempts }) => attempts > 0);
  const remove = (...hooks: WebhookDto[]) =>
    Promise.all(hooks.map(({ id }) => app.ok(204, 'DELETE', `/webhooks/${id}`, { key: user.key })));

  it('tell an event as a signed message that its receiver can verify', async () => {
    const hook = await create('/verified');
    await emitHealth();
    const [message] = await receiver.received('/verified', 1);
    const verified = new Webhook(hook.secret).verify(message!.body, message!.headers) as Record<
      string,
      unknown
    >;
    expect(verified).toMatchObject({ type: 'workspace.health_changed', data: HEALTH });
    expect(Object.keys(verified)).toEqual(['type', 'timestamp', 'data']);
    expect(Math.abs(Date.parse(verified.timestamp as string) - Date.now())).toBeLessThan(60_000);
    expect(message).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });

    const [delivery] = await app.deliveries(hook.id, user.key, ended);
    expect(delivery).toMatchObject({
      state: 'delivered',
      attempts: 1,
      last_status: 204,
      last_error: null,
      next_attempt_at: null,
      message_id: message!.headers['webhook-id'],
      body: message!.body,
    });
    await remove(hook);
  });

  it('tell nobody when nothing happened', async () => {
    const hook = await create('/rolled-back');
    const failure = app.database.transaction(async (manager) => {
      await app.webhooks.emit(manager, {
        userId: user.userId,
        type: 'workspace.health_changed',
        data: HEALTH,
      });
      throw new Error('rolled back');
    });
    await expect(failure).rejects.toThrow('rolled back');
    await emitHealth();
    await receiver.received('/rolled-back', 1);
    expect(await app.deliveries(hook.id, user.key, ended)).toHaveLength(1);
    await remove(hook);
  });

  it('tell only what was asked for, to whom it belongs', async () => {
    const other = await app.newUser();
    const wanted = await create('/wanted', { event_types: ['workspace.health_changed'] });
    const unwanted = await create('/unwanted', { event_types: ['agent.offline'] });
    const disabled = await create('/disabled', { enabled: false });
    const foreign = await create('/foreign', {}, other.key);
    await emitHealth();
    await receiver.received('/wanted', 1);
    const [{ count }] = await app.database.query<[{ count: string }]>(
      'SELECT count(*) FROM webhook_deliveries WHERE webhook_id = ANY($1)',
      [[unwanted.id, disabled.id, foreign.id]],
    );
    expect(count).toBe('0');
    await remove(wanted, unwanted, disabled);
  });

  it('are tried again under the same id, until they are taken', async () => {
    const hook = await create('/again');
    receiver.answers.push(status(500), status(503, { 'retry-after': '2' }));
    await emitHealth();
    const [failed] = await app.deliveries(hook.id, user.key, attempted);
    expect(failed).toMatchObject({ state: 'pending', attempts: 1, last_status: 500 });
    const waitMs = Date.parse(failed!.next_attempt_at!) - Date.parse(failed!.last_attempt_at!);
    expect(waitMs).toBeGreaterThanOrEqual(1_000);
    expect(waitMs).toBeLessThanOrEqual(10_000);

    const [job] = await app.database.query<[{ id: string; run_at: Date }]>(
      'SELECT id, run_at FROM graphile_worker.jobs WHERE key = $1',
      [`webhook-delivery:${failed!.id}`],
    );
    expect(job.run_at.toISOString()).toBe(failed!.next_attempt_at);
    await resend(hook, failed!);
    const [second] = await app.deliveries(hook.id, user.key, ([one]) => one!.attempts === 2);
    expect(
      Date.parse(second!.next_attempt_at!) - Date.parse(second!.last_attempt_at!),
    ).toBeGreaterThanOrEqual(2_000);
    await resend(hook, failed!);
    const [third] = await app.deliveries(hook.id, user.key, ended);
    expect(third).toMatchObject({ state: 'delivered', attempts: 3, last_status: 204, last_error: null });
    const messages = await receiver.received('/again', 3);
    expect(new Set(messages.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([failed!.message_id]),
    );
    await remove(hook);
  });

  const resend = (hook: WebhookDto, { id }: WebhookDeliveryDto) =>
    app.ok(202, 'POST', `/webhooks/${hook.id}/deliveries/${id}/resend`, { key: user.key });

  it('are sent again on request, also when they were taken', async () => {
    const hook = await create('/resent');
    await emitHealth();
    const [delivery] = await app.deliveries(hook.id, user.key, ended);
    await resend(hook, delivery!);
    const [first, second] = await receiver.received('/resent', 2);
    expect(second!.body).toBe(first!.body);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(await app.deliveries(hook.id, user.key, ended)).toHaveLength(1);
    await remove(hook);
  });

  it('are disabled by 410, and say so', async () => {
    const hook = await create('/gone');
    receiver.answers.push(status(410));
    await emitHealth();
    const [delivery] = await app.deliveries(hook.id, user.key, ended);
    expect(delivery).toMatchObject({ state: 'failed', attempts: 1, last_status: 410 });
    const { enabled, disabled_reason: reason } = await get(hook);
    expect({ enabled, reason }).toEqual({
      enabled: false,
      reason: 'The receiver answered 410: it wants no more events.',
    });
    const path = `/webhooks/${hook.id}`;
    for (const refused of [`${path}/test`, `${path}/deliveries/${delivery!.id}/resend`]) {
      const { statusCode, body } = await app.send('POST', refused, { key: user.key });
      expect({ statusCode, ...JSON.parse(body) }).toMatchObject({
        statusCode: 409,
        code: 'webhook_disabled',
      });
    }
    await app.ok(200, 'PATCH', path, { key: user.key, payload: { enabled: true } });
    expect(await get(hook)).toMatchObject({ enabled: true, disabled_reason: null });
    await remove(hook);
  });

  const get = (hook: WebhookDto) => app.ok<WebhookDto>(200, 'GET', `/webhooks/${hook.id}`, { key: user.key });

  async function test(hook: WebhookDto): Promise<WebhookDeliveryDto> {
    const started = await app.ok<WebhookDeliveryDto>(202, 'POST', `/webhooks/${hook.id}/test`, {
      key: user.key,
    });
    const found = await app.deliveries(hook.id, user.key, (all) =>
      all.some(({ id, state }) => id === started.id && state !== 'pending'),
    );
    return found.find(({ id }) => id === started.id)!;
  }

  it('follow no redirect', async () => {
    const hook = await create('/moved');
    receiver.answers.push(status(307, { location: receiver.url('/elsewhere') }));
    expect(await test(hook)).toMatchObject({
      state: 'failed',
      event_type: 'webhook.test',
      last_status: 307,
      last_error: 'The receiver answered 307: redirects are not followed.',
    });
    expect(receiver.messages.filter(({ path }) => path === '/elsewhere')).toEqual([]);
    await remove(hook);
  });

  it.each([
    ['http://example.org/', 'by http:'],
    ['https://example.org:8443/', 'port 8443'],
    ['https://10.0.0.7/', 'not a public address'],
    ['https://169.254.169.254/latest/meta-data', 'not a public address'],
    ['https://localhost/', 'not a public address'],
    ['https://user:secret@example.org/', 'user name or password'],
    ['https://example.org/#part', 'must be a URL'],
    ['not a url', 'must be a URL'],
  ])('refuse %s', async (url, words) => {
    const { statusCode, body } = await app.send('POST', '/webhooks', { key: user.key, payload: { url } });
    const problem = JSON.parse(body) as { code: string; errors: { pointer: string; detail: string }[] };
    expect({ statusCode, code: problem.code }).toEqual({ statusCode: 400, code: 'validation_failed' });
    expect(problem.errors).toMatchObject([{ pointer: '/url', detail: expect.stringContaining(words) }]);
  });

  it('do not connect to a private address behind an honest name', async () => {
    const hook = await create('/x', { url: 'https://localhost.example.org/' });
    // What a name resolves to can change after it was checked.
    await app.database.query(`UPDATE webhooks SET url = 'https://localhost/x' WHERE id = $1`, [hook.id]);
    expect(await test(hook)).toMatchObject({
      state: 'failed',
      last_status: null,
      last_error: expect.stringContaining('not a public address'),
    });
    await remove(hook);
  });

  it('hold back while nobody answers, and go on when somebody asks', async () => {
    const hook = await create('/x', { url: 'http://127.0.0.1:1/' });
    expect(await test(hook)).toMatchObject({
      state: 'failed',
      attempts: 1,
      last_error: 'Nothing listens at the host and port of the URL.',
    });
    await emitHealth();
    const waits = ({ event_type: type, next_attempt_at: at }: WebhookDeliveryDto) =>
      type === 'workspace.health_changed' && Date.parse(at!) - Date.now() > 30_000;
    const found = await app.deliveries(hook.id, user.key, (all) => all.some(waits));
    expect(found.find(waits)).toMatchObject({ state: 'pending', attempts: 0 });
    expect(await test(hook)).toMatchObject({ attempts: 1 });
    const payload = { url: receiver.url('/mended') };
    await app.ok(200, 'PATCH', `/webhooks/${hook.id}`, { key: user.key, payload });
    await resend(hook, found.find(waits)!);
    await receiver.received('/mended', 1);
    await remove(hook);
  });

  it('sign with two secrets after a rotation, until the old one’s time is over', async () => {
    const hook = await create('/rotated');
    const rotated = await app.ok<WebhookWithSecretDto>(200, 'POST', `/webhooks/${hook.id}/rotate-secret`, {
      key: user.key,
    });
    secrets.push(rotated.secret);
    expect(rotated.secret).not.toBe(hook.secret);
    await test(hook);
    const [both] = await receiver.received('/rotated', 1);
    for (const secret of [hook.secret, rotated.secret]) {
      expect(new Webhook(secret).verify(both!.body, both!.headers)).toMatchObject({ type: 'webhook.test' });
    }
    await app.database.query(`UPDATE webhooks SET previous_secret_until = now() WHERE id = $1`, [hook.id]);
    await test(hook);
    const [, newest] = await receiver.received('/rotated', 2);
    expect(newest!.headers['webhook-signature']!.split(' ')).toHaveLength(1);
    expect(new Webhook(rotated.secret).verify(newest!.body, newest!.headers)).toBeDefined();
    expect(() => new Webhook(hook.secret).verify(newest!.body, newest!.headers)).toThrow();
    await remove(hook);
  });

  it('do not send what cannot be signed', async () => {
    const [one, two] = [await create('/swapped'), await create('/swapped')];
    await app.database.query(
      'UPDATE webhooks SET sealed_secret = (SELECT sealed_secret FROM webhooks WHERE id = $2) WHERE id = $1',
      [one.id, two.id],
    );
    expect(await test(one)).toMatchObject({
      state: 'failed',
      attempts: 0,
      last_error: expect.stringContaining('cannot be decrypted'),
    });
    expect(receiver.messages.filter(({ path }) => path === '/swapped')).toEqual([]);
    await remove(one, two);
  });

  it('are their user’s alone', async () => {
    const other = await app.newUser();
    const hook = await create('/mine');
    const { id } = await test(hook);
    const path = `/webhooks/${hook.id}`;
    const attempts: ['GET' | 'POST' | 'PATCH' | 'DELETE', string, object?][] = [
      ['GET', path],
      ['PATCH', path, { enabled: false }],
      ['DELETE', path],
      ['POST', `${path}/rotate-secret`],
      ['POST', `${path}/test`],
      ['GET', `${path}/deliveries`],
      ['GET', `${path}/deliveries/${id}`],
      ['POST', `${path}/deliveries/${id}/resend`],
    ];
    const codes = await Promise.all(
      attempts.map(
        async ([method, url, payload]) =>
          (await app.send(method, url, { key: other.key, payload })).statusCode,
      ),
    );
    expect(codes).toEqual(attempts.map(() => 404));
    expect(await app.ok(200, 'GET', '/webhooks', { key: other.key })).toEqual({
      data: [],
      next_cursor: null,
    });
    expect(await get(hook)).toMatchObject({ enabled: true });
    expect(receiver.messages.filter(({ path: to }) => to === '/mine')).toHaveLength(1);
    await remove(hook);
  });

  it('change only in the state that was seen, list in pages, and are bounded', async () => {
    const hooks = [await create('/a'), await create('/b'), await create('/c')];
    const path = `/webhooks/${hooks[0]!.id}`;
    const { etag } = (await app.send('GET', path, { key: user.key })).headers;
    const change = (payload: object) =>
      app.send('PATCH', path, { key: user.key, payload, headers: { 'if-match': etag as string } });
    expect((await change({ event_types: ['agent.online'] })).statusCode).toBe(200);
    expect((await change({ event_types: [] })).statusCode).toBe(412);
    expect((await change({ event_types: ['webhook.test'] })).statusCode).toBe(400);
    expect(await get(hooks[0]!)).toMatchObject({ event_types: ['agent.online'], enabled: true });

    const page = await app.ok<Page>(200, 'GET', '/webhooks?limit=2', { key: user.key });
    const rest = await app.ok<Page>(200, 'GET', `/webhooks?limit=2&cursor=${page.next_cursor}`, {
      key: user.key,
    });
    expect([...page.data, ...rest.data].map(({ id }) => id)).toEqual(hooks.map(({ id }) => id));
    expect(rest.next_cursor).toBeNull();

    const many = await Promise.all(
      Array.from({ length: 20 }, () =>
        app.send('POST', '/webhooks', { key: user.key, payload: { url: receiver.url('/d') } }),
      ),
    );
    expect(many.filter(({ statusCode }) => statusCode === 201)).toHaveLength(17);
    const refused = many
      .filter(({ statusCode }) => statusCode === 409)
      .map(({ body }) => JSON.parse(body).code);
    expect(refused).toEqual(['too_many_webhooks', 'too_many_webhooks', 'too_many_webhooks']);
    const { data } = await app.ok<Page>(200, 'GET', '/webhooks', { key: user.key });
    await remove(...data);
  });

  interface Page {
    readonly data: WebhookDto[];
    readonly next_cursor: string | null;
  }

  it('note what is too much instead of sending it', async () => {
    const hook = await create('/flood');
    await app.database.query(
      `INSERT INTO webhook_deliveries (webhook_id, message_id, event_type, body)
       SELECT $1, 'msg_' || n, 'agent.online', '{}' FROM generate_series(1, 1000) n`,
      [hook.id],
    );
    await emitHealth();
    const { data } = await app.ok<{ data: WebhookDeliveryDto[] }>(
      200,
      'GET',
      `/webhooks/${hook.id}/deliveries?state=failed`,
      { key: user.key },
    );
    expect(data).toMatchObject([
      {
        event_type: 'workspace.health_changed',
        attempts: 0,
        last_error: expect.stringContaining('1000 earlier'),
      },
    ]);
    await remove(hook);
  });

  it('forget old deliveries, and bring back those that lost their job', async () => {
    const hook = await create('/kept');
    await app.database.query(
      `INSERT INTO webhook_deliveries (webhook_id, message_id, event_type, body, state, created_at, next_attempt_at)
       VALUES ($1, 'msg_old', 'agent.online', '{}', 'delivered', now() - interval '31 days', NULL),
              ($1, 'msg_new', 'agent.online', '{}', 'delivered', now() - interval '29 days', NULL),
              ($1, 'msg_lost', 'agent.online', '{"lost":true}', 'pending', now() - interval '31 days', now() - interval '1 hour')`,
      [hook.id],
    );
    await app.database.query(`SELECT graphile_worker.add_job('webhook.upkeep')`);
    const [message] = await receiver.received('/kept', 1);
    expect(message).toMatchObject({ body: '{"lost":true}', headers: { 'webhook-id': 'msg_lost' } });
    const found = await app.deliveries(hook.id, user.key, ended);
    expect(found.map(({ message_id: id }) => id)).toEqual(['msg_new', 'msg_lost']);
    await remove(hook);
  });

  it('are described in the document of the API, each with what it tells', async () => {
    const document = JSON.parse(await app.openapi()) as { webhooks: object };
    expect(Object.keys(document.webhooks)).toEqual(Object.keys(EVENTS));
  });

  it('keep their secrets to themselves', async () => {
    const hook = await create('/quiet');
    await test(hook);
    const answers = await Promise.all(
      ['', `/${hook.id}`, `/${hook.id}/deliveries`].map((path) =>
        app.send('GET', `/webhooks${path}`, { key: user.key }),
      ),
    );
    const audit = await app.send('GET', '/audit?limit=1000');
    const rows = await app.database.query<object[]>(
      'SELECT w::text, d::text FROM webhooks w LEFT JOIN webhook_deliveries d ON true',
    );
    const everything = [
      ...answers.map(({ body }) => body),
      audit.body,
      JSON.stringify(rows),
      ...app.log,
    ].join('\n');
    expect(audit.body).toContain('webhook.secret_rotated');
    expect(app.log.length).toBeGreaterThan(50);
    expect(secrets.length).toBeGreaterThan(10);
    for (const secret of secrets) expect(everything).not.toContain(secret.slice('whsec_'.length));
  });
});
