import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkspacesApp } from './workspaces-app.js';

interface Restore {
  readonly id: string;
  readonly state: string;
  readonly target: string;
  readonly snapshot_id: string;
  readonly rto_ms: number | null;
  readonly [member: string]: unknown;
}

const PATH = '/api/v1/restores';
const PLAN = { create: 2, overwrite: 0, delete: 0, keep: 1, bytes: 2_000_000, fetch_bytes: 1_000_000 };
const RESULT = { files: 2, bytes: 2_000_000, verified: true, duration_ms: 500, failed: [], failed_count: 0 };

describe('restores', () => {
  let app: WorkspacesApp;
  let directory: string;
  let agent: string;
  let other: string;
  let workspace: string;
  let older: string;
  let newer: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'stowage-restored-'));
    app = await WorkspacesApp.start();
    agent = await app.agent();
    other = await app.agent();
    workspace = (
      await app.client.json<{ id: string }>('POST', '/api/v1/workspaces', {
        name: 'restored',
        path: '/srv/w',
        agent_id: agent,
      })
    ).id;
    await writeFile(join(directory, 'a'), 'one');
    older = await app.snapshot(workspace, directory, { receivedAt: new Date('2026-11-22T10:15:30.500Z') });
    await writeFile(join(directory, 'a'), 'two');
    newer = await app.snapshot(workspace, directory, { receivedAt: new Date('2026-11-22T10:16:00Z') });
  });

  afterAll(async () => {
    await app?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const order = (wanted: object): Promise<Restore> => app.client.json('POST', PATH, wanted);
  const read = (id: string): Promise<Restore> => app.client.json('GET', `${PATH}/${id}`);
  const step = (id: string, what: string): Promise<Restore> =>
    app.client.json('POST', `${PATH}/${id}/${what}`);

  async function refusal(path: string, body?: object): Promise<[number, string]> {
    const response = await app.client.fetch(path, {
      method: 'POST',
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return [response.status, ((await response.json()) as { code: string }).code];
  }

  /** What the agent's report writes, and tells. */
  async function report(id: string, changes: string, values: unknown[] = []): Promise<void> {
    await app.query(`UPDATE restores SET ${changes}, version = version + 1 WHERE id = $1`, [id, ...values]);
    await app.query("SELECT pg_notify('restore_changes', $1)", [id]);
  }

  it('are planned first, beside the workspace unless told, then started, and timed', async () => {
    const ordered = await order({ workspace_id: workspace, paths: ['/a/'] });
    expect(ordered).toMatchObject({
      state: 'planning',
      kind: 'restore',
      snapshot_id: newer,
      agent_id: agent,
      paths: ['a'],
      target: '/srv/w-restored-20261122T101600Z',
      destination: 'new-directory',
      plan: null,
      rto_ms: null,
    });
    expect(await refusal(`${PATH}/${ordered.id}/start`)).toEqual([409, 'restore_state']);
    await report(ordered.id, "state = 'planned', plan = $2", [PLAN]);
    expect((await read(ordered.id)).plan).toMatchObject({
      ...PLAN,
      estimated_seconds: null,
      estimated_egress_usd: expect.any(Number),
      prices_as_of: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    });
    expect(await step(ordered.id, 'start')).toMatchObject({
      state: 'running',
      started_at: expect.any(String),
    });
    await report(
      ordered.id,
      "state = 'succeeded', result = $2, finished_at = started_at + interval '1500 milliseconds'",
      [{ ...RESULT, refused: [], refused_count: 0 }],
    );
    expect(await read(ordered.id)).toMatchObject({ state: 'succeeded', rto_ms: 1_500, result: RESULT });
    expect(await refusal(`${PATH}/${ordered.id}/cancel`)).toEqual([409, 'restore_state']);

    const next = await order({ snapshot_id: older, agent_id: other, target: '/mnt/x/../y/' });
    expect(next).toMatchObject({ snapshot_id: older, agent_id: other, target: '/mnt/y' });
    await report(next.id, "state = 'planned', plan = $2", [PLAN]);
    // 2 MB took half a second.
    expect((await read(next.id)).plan).toMatchObject({ estimated_seconds: 1 });
    expect(await step(next.id, 'cancel')).toMatchObject({
      state: 'cancelled',
      finished_at: expect.any(String),
    });
  });

  it('write into the workspace itself, or delete, only when that was said', async () => {
    const inPlace = { snapshot_id: older, destination: 'in-place' };
    expect(await refusal(PATH, inPlace)).toEqual([400, 'confirmation_required']);
    expect(await refusal(PATH, { ...inPlace, target: '/srv' })).toEqual([400, 'confirmation_required']);
    expect(await refusal(PATH, { ...inPlace, target: '/mnt', mirror: true })).toEqual([
      400,
      'confirmation_required',
    ]);
    expect(await order({ ...inPlace, confirm_in_place: true })).toMatchObject({ target: '/srv/w' });
    expect(await order({ ...inPlace, agent_id: other, start: true })).toMatchObject({
      target: '/srv/w',
      starts_by_itself: true,
    });
  });

  it.each<[string, object, number, string]>([
    ['nothing named', {}, 400, 'validation_failed'],
    ['paths that lead out', { paths: ['../x'] }, 400, 'validation_failed'],
    ['a relative target', { target: 'x' }, 400, 'validation_failed'],
    ['a mirror beside', { mirror: true }, 400, 'validation_failed'],
    ['an unknown agent', { agent_id: '00000000-0000-4000-8000-000000000000' }, 400, 'validation_failed'],
    ['an unknown snapshot', { snapshot_id: '00000000-0000-4000-8000-000000000000' }, 404, 'not_found'],
    ['an unknown field', { state: 'succeeded' }, 400, 'validation_failed'],
  ])('are not ordered with %s', async (what, wrong, status, code) => {
    const wanted = what === 'nothing named' ? wrong : { snapshot_id: older, ...wrong };
    expect(await refusal(PATH, wanted)).toEqual([status, code]);
  });

  it('are listed newest first, to their user alone', async () => {
    const all = await app.client.json<{ data: Restore[] }>('GET', PATH);
    expect(all.data.length).toBeGreaterThanOrEqual(3);
    const first = await app.client.json<{ data: Restore[]; next_cursor: string }>('GET', `${PATH}?limit=1`);
    const second = await app.client.json<{ data: Restore[] }>(
      'GET',
      `${PATH}?limit=1&cursor=${first.next_cursor}`,
    );
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(
      all.data.slice(0, 2).map(({ id }) => id),
    );
    const done = await app.client.json<{ data: Restore[] }>(
      'GET',
      `${PATH}?state=succeeded&workspace_id=${workspace}`,
    );
    expect(done.data.map(({ state }) => state)).toEqual(['succeeded']);
    const stranger = await app.client.otherUser();
    const { id } = all.data[0]!;
    expect((await stranger.json<{ data: Restore[] }>('GET', PATH)).data).toEqual([]);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/events'],
      ['POST', '/start'],
      ['POST', '/cancel'],
    ]) {
      expect((await stranger.fetch(`${PATH}/${id}${path}`, { method })).status).toBe(404);
    }
    for (const source of [{ snapshot_id: older }, { workspace_id: workspace }]) {
      const body = JSON.stringify(source);
      const headers = { 'content-type': 'application/json' };
      expect((await stranger.fetch(PATH, { method: 'POST', headers, body })).status).toBe(404);
    }
  });

  it('tell each change as an event, and end with the restore', async () => {
    const { id } = await order({ snapshot_id: older });
    const answer = await app.client.fetch(`${PATH}/${id}/events`);
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const states: string[] = [];
    let text = '';
    for await (const piece of answer.body!) {
      text += Buffer.from(piece).toString();
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const data = /^data: (.*)$/m.exec(text.slice(0, end));
        text = text.slice(end + 2);
        if (data === null) continue;
        states.push((JSON.parse(data[1]!) as Restore).state);
        if (states.length === 1) await report(id, "state = 'planned', plan = $2", [PLAN]);
        if (states.length === 2) await step(id, 'start');
        if (states.length === 3) await report(id, "state = 'failed', finished_at = now(), error_code = 'x'");
      }
    }
    expect(states).toEqual(['planning', 'planned', 'running', 'failed']);
  });

  it('keep at most 20 streams of one user', async () => {
    const { id } = await order({ snapshot_id: older });
    const abort = new AbortController();
    const open = () => app.client.fetch(`${PATH}/${id}/events`, { signal: abort.signal });
    const streams = await Promise.all(Array.from({ length: 20 }, open));
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await open()).status).toBe(429);
    abort.abort();
    let again: Response;
    const giveUpMs = Date.now() + 5_000;
    do again = await app.client.fetch(`${PATH}/${id}/events`, { signal: AbortSignal.timeout(20_000) });
    while (again.status === 429 && Date.now() < giveUpMs);
    expect(again.status).toBe(200);
    // A server that stops ends its streams by itself.
    const rest = again.text();
    expect(await app.stop()).toBe(0);
    await rest;
  });
});
