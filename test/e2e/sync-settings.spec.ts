import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FilesClient } from './files-client.js';

const DEFAULTS = {
  auto_upload: false,
  sync_on_create: false,
  retention_days: 365,
  max_file_size: 104857600,
  trash_days: 30,
  keep_versions: 10,
};
const PATH = '/api/v1/settings/sync';

describe('sync settings', () => {
  let client: FilesClient;

  beforeAll(async () => {
    client = await FilesClient.start();
  });

  afterAll(() => client.server.stop());

  const put = (body: unknown, headers: Record<string, string> = {}) =>
    client.fetch(PATH, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  it('are the seed’s defaults until they are changed, field by field', async () => {
    const first = await client.fetch(PATH);
    expect([first.headers.get('etag'), await first.json()]).toEqual(['"0"', DEFAULTS]);
    const changed = await put({ auto_upload: true });
    expect([changed.status, await changed.json()]).toEqual([200, { ...DEFAULTS, auto_upload: true }]);
    await put({ retention_days: 30, max_file_size: 5 * 1024 ** 4 });
    await put({ trash_days: 0, keep_versions: 3 });
    const again = await client.fetch(PATH);
    expect(await again.json()).toEqual({
      auto_upload: true,
      sync_on_create: false,
      retention_days: 30,
      max_file_size: 5 * 1024 ** 4,
      trash_days: 0,
      keep_versions: 3,
    });
    expect(await (await client.otherUser()).json('GET', PATH)).toEqual(DEFAULTS);
  });

  it('change only in the state that If-Match names', async () => {
    const etag = (await client.fetch(PATH)).headers.get('etag')!;
    const lost = await put({ retention_days: 1 }, { 'if-match': '"999"' });
    expect([lost.status, ((await lost.json()) as { code: string }).code]).toEqual([
      412,
      'precondition_failed',
    ]);
    const won = await put({ retention_days: 2 }, { 'if-match': etag });
    expect([won.status, won.headers.get('etag') === etag]).toEqual([200, false]);
    expect((await put({ retention_days: 3 }, { 'if-match': etag })).status).toBe(412);
    expect((await put({ retention_days: 4 }, { 'if-match': '*' })).status).toBe(200);
  });

  it.each<[string, unknown]>([
    ['retention_days', 0],
    ['retention_days', -1],
    ['retention_days', 1e9],
    ['retention_days', 1.5],
    ['retention_days', '30'],
    ['retention_days', null],
    ['max_file_size', 0],
    ['max_file_size', 5 * 1024 ** 4 + 1],
    ['max_file_size', '1'],
    ['trash_days', -1],
    ['keep_versions', 1001],
    ['auto_upload', 'true'],
    ['auto_upload', null],
    ['sync_on_create', 1],
    ['unknown', 1],
    ['user_id', 2],
  ])('refuse %s = %j', async (field, value) => {
    const before = await client.json('GET', PATH);
    const response = await put({ [field]: value, retention_days: field === 'retention_days' ? value : 11 });
    expect(response.status).toBe(400);
    const problem = (await response.json()) as { code: string; errors: { pointer: string }[] };
    expect(problem.code).toBe('validation_failed');
    expect(problem.errors.map(({ pointer }) => pointer)).toContain(`/${field}`);
    expect(await client.json('GET', PATH)).toEqual(before);
  });
});
