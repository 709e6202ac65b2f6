import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EnrolAnswer } from '../../../src/agent-protocol/messages.js';
import { AGENT_PATHS, PROTOCOL_HEADER } from '../../../src/agent-protocol/protocol.js';
import { kindOfKey, newApiKey } from '../../../src/auth/api-key-format.js';
import { newEnrolmentToken } from '../../../src/agents/enrolment-token.js';
import { AgentsApp, HOST, PROTOCOL, type TestUser } from './agents-app.js';

interface AgentJson {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly workspaces: number;
}

describe('agents', () => {
  let app: AgentsApp;
  let user: TestUser;

  beforeAll(async () => {
    app = await AgentsApp.start();
    user = await app.newUser();
  });

  afterAll(() => app?.close());

  const codeOf = async (answer: ReturnType<AgentsApp['send']>) => {
    const { statusCode, body } = await answer;
    return [statusCode, (JSON.parse(body) as { code: string }).code];
  };
  const refused = [403, 'enrolment_refused'];
  const agents = async (of = user) =>
    (await app.ok<{ data: AgentJson[] }>(200, app.send('GET', '/api/v1/agents', { key: of.key }))).data;

  describe('enrol', () => {
    it('with a token that is shown once, and get a key that opens agents’ routes only', async () => {
      const path = '/api/v1/agents/enrolment-tokens';
      const answer = await app.send('POST', path, { key: user.key, payload: { name: 'gpu-node-7' } });
      expect([answer.statusCode, answer.headers['cache-control']]).toEqual([201, 'no-store']);
      const made = answer.json<{ token: string; commands: string[]; expires_at: string }>();
      expect(made.commands[0]).toBe(
        `printf %s '${made.token}' | stowage-agent enrol --server http://localhost:80 --token-file -`,
      );
      expect(Date.parse(made.expires_at) - Date.now()).toBeGreaterThan(3_500_000);
      const enrolled = await app.ok<EnrolAnswer>(201, app.enrol(made.token));
      expect(kindOfKey(enrolled.api_key)).toBe('agent');
      expect(await agents()).toMatchObject([
        { id: enrolled.agent_id, name: 'gpu-node-7', state: 'online', hostname: 'host-1', workspaces: 0 },
      ]);
      expect((await app.sync(enrolled.api_key)).statusCode).toBe(200);
      for (const url of [
        '/api/v1/agents',
        '/api/v1/audit',
        '/api/v1/api-keys',
        '/api/v1/settings/cloud-storage',
      ])
        expect((await app.send('GET', url, { key: enrolled.api_key })).statusCode).toBe(403);
      const kept = await app.sql('SELECT t::text, k::text FROM enrolment_tokens t, api_keys k');
      expect(JSON.stringify(kept)).not.toContain(made.token.slice(10));
      expect(JSON.stringify(kept)).not.toContain(enrolled.api_key.slice(10, -4));
    });

    it('once: a token that was used is refused as one that never was', async () => {
      const token = await app.newToken(user, 'once');
      expect((await app.enrol(token)).statusCode).toBe(201);
      const [used, forged] = await Promise.all([app.enrol(token), app.enrol(newEnrolmentToken())]);
      expect([used.statusCode, used.json<object>()]).toEqual([
        403,
        { ...forged.json<object>(), request_id: used.json<{ request_id: string }>().request_id },
      ]);
    });

    it('again with the key that the host has made, whenever the answer was lost', async () => {
      const token = await app.newToken(user, 'lost');
      const api_key = newApiKey('agent');
      const ask = (more: object) =>
        app.send('POST', AGENT_PATHS.enrol, { payload: { token, ...HOST, ...more }, headers: PROTOCOL });
      const answers = await Promise.all(Array.from({ length: 4 }, () => ask({ api_key })));
      answers.push(await ask({ api_key }));
      const [first, ...others] = answers.map((answer) => answer.json<EnrolAnswer>());
      expect(first).toMatchObject({ name: 'lost', api_key });
      expect(others).toEqual(Array(4).fill(first));
      expect((await app.sync(api_key)).statusCode).toBe(200);
      expect((await agents()).filter(({ name }) => name === 'lost')).toHaveLength(1);
      for (const more of [{}, { api_key: newApiKey('agent') }])
        expect(await codeOf(ask(more))).toEqual(refused);
      const another = await app.newToken(user, 'another');
      for (const wrong of [api_key, newApiKey('admin'), 'x', `${api_key.slice(0, -1)}!`]) {
        expect(await codeOf(ask({ token: another, api_key: wrong }))).toEqual([400, 'validation_failed']);
      }
      await app.ok(204, app.send('DELETE', `/api/v1/agents/${first!.agent_id}`, { key: user.key }));
      expect(await codeOf(ask({ api_key }))).toEqual(refused);
      expect(await codeOf(ask({ token: newEnrolmentToken(), api_key }))).toEqual(refused);
    });

    it('one of many that use the same token at once', async () => {
      const token = await app.newToken(user, 'race');
      const answers = await Promise.all(Array.from({ length: 8 }, () => app.enrol(token)));
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, ...Array(7).fill(403)]);
      expect((await agents()).filter(({ name }) => name === 'race')).toHaveLength(1);
    });

    it('not with an expired token, nor with one of a disabled user', async () => {
      const token = await app.newToken(user, 'late');
      await app.sql(`UPDATE enrolment_tokens SET expires_at = now() WHERE agent_name = 'late'`);
      expect(await codeOf(app.enrol(token))).toEqual(refused);
      const other = await app.newUser();
      const theirs = await app.newToken(other, 'theirs');
      await app.sql('UPDATE users SET disabled_at = now() WHERE id = $1', [other.userId]);
      expect(await codeOf(app.enrol(theirs))).toEqual(refused);
    });

    it('not with what is no token', async () => {
      const token = newEnrolmentToken();
      for (const wrong of [
        '',
        'x',
        `${token} `,
        token.slice(0, -1),
        token.toLowerCase(),
        user.key.slice(0, 46),
      ]) {
        const [status, code] = await codeOf(app.enrol(wrong));
        expect([wrong, [400, 403].includes(status as number), code]).toEqual([
          wrong,
          true,
          expect.stringMatching(/^(?:enrolment_refused|validation_failed)$/),
        ]);
      }
    });

    it('by a name of which there is one; the token of who was too slow stays good', async () => {
      const [first, second] = [await app.newToken(user, 'twin'), await app.newToken(user, 'twin')];
      const { agent_id } = await app.ok<EnrolAnswer>(201, app.enrol(first));
      expect(await codeOf(app.enrol(second))).toEqual([409, 'agent_name_taken']);
      const again = app.send('POST', '/api/v1/agents/enrolment-tokens', {
        key: user.key,
        payload: { name: 'twin' },
      });
      expect(await codeOf(again)).toEqual([409, 'agent_name_taken']);
      await app.ok(204, app.send('DELETE', `/api/v1/agents/${agent_id}`, { key: user.key }));
      expect((await app.enrol(second)).statusCode).toBe(201);
    });

    it('again, as the same agent with another key', async () => {
      const agent = await app.newAgent(user);
      const workspace = await app.newWorkspace(user, agent);
      await app.ok(200, app.tell(agent.key, 'lease', { workspace_id: workspace }));
      const path = `/api/v1/agents/${agent.id}/enrolment-tokens`;
      const { token } = await app.ok<{ token: string }>(
        201,
        app.send('POST', path, { key: user.key, payload: {} }),
      );
      expect((await app.sync(agent.key)).statusCode).toBe(200);
      const again = await app.ok<EnrolAnswer>(201, app.enrol(token));
      expect(again).toMatchObject({ agent_id: agent.id, name: agent.name });
      expect((await app.sync(agent.key)).statusCode).toBe(401);
      const state = await app.ok<{ workspaces: object[] }>(200, app.sync(again.api_key));
      expect(state.workspaces).toMatchObject([{ id: workspace }]);
      // The lease that the old one had is over, so its successor gets another number.
      const grant = await app.ok<{ fencing: number }>(
        200,
        app.tell(again.api_key, 'lease', { workspace_id: workspace }),
      );
      expect(grant.fencing).toBe(2);
    });

    it.each([
      ['no name', {}],
      ['a blank name', { name: ' ' }],
      ['a name of 101 characters', { name: 'a'.repeat(101) }],
      ['a name with a line break', { name: 'a\nb' }],
      ['an hour as text', { name: 'a', expires_in_seconds: '3600' }],
      ['no time', { name: 'a', expires_in_seconds: 0 }],
      ['more than a week', { name: 'a', expires_in_seconds: 604_801 }],
      ['half seconds', { name: 'a', expires_in_seconds: 60.5 }],
      ['more than is known', { name: 'a', is_embedded: true }],
    ])('not with a token for %s', async (_, payload) => {
      const answer = app.send('POST', '/api/v1/agents/enrolment-tokens', { key: user.key, payload });
      expect(await codeOf(answer)).toEqual([400, 'validation_failed']);
    });
  });

  describe('speak a version', () => {
    it('that the server names when it is another', async () => {
      const agent = await app.newAgent(user);
      const wrong: Readonly<Record<string, string>>[] = ['0', '2', '1, 1'].map((version) => ({
        [PROTOCOL_HEADER]: version,
      }));
      for (const headers of [{}, ...wrong]) {
        for (const path of Object.values(AGENT_PATHS)) {
          const answer = await app.send('POST', path, { key: agent.key, payload: {}, headers });
          expect([path, answer.statusCode, answer.json<{ code: string }>().code]).toEqual([
            path,
            400,
            'unsupported_protocol',
          ]);
          expect(answer.json<{ detail: string }>().detail).toContain('version 1');
        }
      }
    });

    it('in which newer ones may say more than this server knows', async () => {
      const payload = { token: await app.newToken(user, 'newer'), ...HOST, kernel: '9.9' };
      const answer = app.send('POST', AGENT_PATHS.enrol, { payload, headers: PROTOCOL });
      const { api_key } = await app.ok<EnrolAnswer>(201, answer);
      expect((await app.sync(api_key, { mood: { good: true } })).statusCode).toBe(200);
    });
  });

  describe('are removed', () => {
    it('with their key and their leases; an id of another user looks like none', async () => {
      const agent = await app.newAgent(user);
      const other = await app.newUser();
      const path = `/api/v1/agents/${agent.id}`;
      for (const method of ['GET', 'DELETE'] as const) {
        const [foreign, absent] = await Promise.all(
          [path, `/api/v1/agents/${randomUUID()}`].map((url) => app.send(method, url, { key: other.key })),
        );
        expect([foreign!.statusCode, foreign!.json<{ detail: string }>().detail]).toEqual([
          404,
          absent!.json<{ detail: string }>().detail,
        ]);
      }
      expect(await agents(other)).toEqual([]);
      await app.ok(204, app.send('DELETE', path, { key: user.key }));
      expect((await app.sync(agent.key)).statusCode).toBe(401);
      expect((await app.send('GET', path, { key: user.key })).statusCode).toBe(404);
      expect((await app.send('DELETE', path, { key: user.key })).statusCode).toBe(404);
      const actions = await app.sql<{ action: string }>(
        'SELECT action FROM audit_log WHERE subject = $1 ORDER BY id',
        [`agent:${agent.id}`],
      );
      expect(actions.map(({ action }) => action)).toEqual(['agent.enrolled', 'agent.removed']);
    });

    it('with workspaces only by force; what they were to do has failed then', async () => {
      const agent = await app.newAgent(user);
      const workspace = await app.newWorkspace(user, agent, 'precious');
      const [job] = await app.sql<{ id: string }>(
        `INSERT INTO jobs (user_id, kind, subject) VALUES ($1, 'snapshot.take', $2) RETURNING id`,
        [user.userId, `workspace:${workspace}`],
      );
      await app.sql('UPDATE workspaces SET requested_run_id = $2 WHERE id = $1', [workspace, job!.id]);
      await app.ok(200, app.tell(agent.key, 'lease', { workspace_id: workspace }));
      const path = `/api/v1/agents/${agent.id}`;
      const answer = await app.send('DELETE', path, { key: user.key });
      expect(answer.json()).toMatchObject({
        code: 'agent_in_use',
        detail: expect.stringContaining('precious'),
      });
      expect(await codeOf(app.send('DELETE', `${path}?force=maybe`, { key: user.key }))).toEqual([
        400,
        'validation_failed',
      ]);
      expect((await app.sync(agent.key)).statusCode).toBe(200);
      await app.ok(204, app.send('DELETE', `${path}?force=true`, { key: user.key }));
      const [left] = await app.sql(
        `SELECT w.requested_run_id, j.state, j.error_code, l.expires_at <= now() AS is_free
          FROM workspaces w JOIN leases l USING (repository_id), jobs j WHERE w.id = $1 AND j.id = $2`,
        [workspace, job!.id],
      );
      expect(left).toEqual({
        requested_run_id: null,
        state: 'failed',
        error_code: 'agent_removed',
        is_free: true,
      });
    });

    it('and a key of the agents’ kind that nobody enrolled with is told so', async () => {
      const payload = { name: 'by hand', kind: 'agent' };
      const { key } = await app.ok<{ key: string }>(
        201,
        app.send('POST', '/api/v1/api-keys', { key: user.key, payload }),
      );
      expect(await codeOf(app.sync(key))).toEqual([403, 'agent_removed']);
    });
  });

  it('are listed page by page, the newest first', async () => {
    const owner = await app.newUser();
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await app.newAgent(owner, name);
    const seen: string[] = [];
    for (let url: string | undefined = '/api/v1/agents?limit=2'; url !== undefined;) {
      const answer = await app.send('GET', url, { key: owner.key });
      seen.push(...answer.json<{ data: AgentJson[] }>().data.map(({ name }) => name));
      url = /<([^>]+)>; rel="next"/.exec(answer.headers.link?.toString() ?? '')?.[1];
    }
    expect(seen).toEqual(names.toReversed());
    const foreign = Buffer.from(JSON.stringify({ id: randomUUID() })).toString('base64url');
    const answer = app.send('GET', `/api/v1/agents?cursor=${foreign}`, { key: owner.key });
    expect(await codeOf(answer)).toEqual([400, 'validation_failed']);
  });
});
