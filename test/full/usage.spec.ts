import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FilesClient } from '../e2e/files-client.js';
import { holdSchedules } from '../support/hold-schedules.js';

interface Usage {
  readonly quota_bytes: number | null;
  readonly quota_used_bytes: number;
  readonly stored_bytes: number;
  readonly configs: readonly {
    readonly cloud_config_id: number;
    readonly stored: object;
    readonly done: object;
    readonly cost: unknown;
  }[];
  readonly cost: unknown;
}

const NO_REQUESTS = { write: 0, list: 0, read: 0, delete: 0, signed_write: 0, signed_read: 0 };
const ME = { provider: 'local_disk', bucket_name: 'mine' };

describe('usage', () => {
  let admin: FilesClient;
  let client: FilesClient;

  beforeAll(async () => {
    admin = await FilesClient.start();
    await holdSchedules(admin.server.databaseUrl);
    client = await admin.otherUser();
    await client.configure(ME);
  });

  afterAll(() => admin.server.stop());

  const usage = (query = '', who = client) => who.json<Usage>('GET', `/api/v1/usage${query}`);
  const idOf = async (who: FilesClient) =>
    (await who.json<{ user: { id: number } }>('GET', '/api/v1/me')).user.id;

  it('of a new bucket is nothing', async () => {
    expect(await usage()).toMatchObject({
      quota_bytes: null,
      quota_used_bytes: 0,
      stored_bytes: 0,
      configs: [{ done: { requests: NO_REQUESTS, sent_bytes: 0, received_bytes: 0 }, cost: null }],
      cost: null,
    });
  });

  it('counts every request and byte', async () => {
    const file = await client.upload('a.bin', new Uint8Array(1_000));
    await client.upload('b.bin', new Uint8Array(300_000));
    const download = (headers = {}) => client.fetch(`/api/v1/files/${file.id}/content`, { headers });
    expect((await (await download()).arrayBuffer()).byteLength).toBe(1_000);
    expect((await (await download({ range: 'bytes=0-99' })).arrayBuffer()).byteLength).toBe(100);
    expect((await download({ 'if-none-match': `"${file.checksum}"` })).status).toBe(304);
    await client.json('POST', `/api/v1/files/${file.id}/download-url`, {});
    const { configs, ...rest } = await usage();
    expect(rest).toMatchObject({ quota_used_bytes: 301_000, stored_bytes: 301_000, cost: null });
    expect(configs[0]).toMatchObject({
      stored: { files: { count: 2, bytes: 301_000 }, trash: { count: 0, bytes: 0 }, total_bytes: 301_000 },
      done: {
        requests: { ...NO_REQUESTS, write: 2, read: 2, signed_read: 1 },
        sent_bytes: 301_000,
        received_bytes: 1_100,
        signed_sent_bytes: 0,
        signed_received_bytes: 1_000,
      },
    });
  });

  it('is kept over an orderly stop, by day', async () => {
    await client.upload('c.bin', new Uint8Array(10));
    await admin.server.restart();
    await holdSchedules(admin.server.databaseUrl);
    const { data } = await client.json<{ data: object[] }>('GET', '/api/v1/usage/days');
    // Midnight may pass meanwhile.
    const written = data as { requests: { write: number }; sent_bytes: number }[];
    expect(written.reduce((sum, { requests }) => sum + requests.write, 0)).toBe(3);
    expect(written.reduce((sum, { sent_bytes }) => sum + sent_bytes, 0)).toBe(301_010);
    const early = await client.json<{ data: object[] }>('GET', '/api/v1/usage/days?to=2020-01-31');
    expect(early.data).toEqual([]);
  });

  it('is one’s own; administrators see everybody’s', async () => {
    const id = await idOf(client);
    expect((await usage(`?user_id=${id}`, admin)).stored_bytes).toBe(301_010);
    expect((await usage('', admin)).stored_bytes).toBe(0);
    const status = async (who: FilesClient, query: string) =>
      (await who.fetch(`/api/v1/usage?${query}`)).status;
    expect(await status(client, `user_id=${await idOf(admin)}`)).toBe(404);
    expect(await status(admin, 'user_id=2147483647')).toBe(404);
    for (const query of [
      'from=2026-02-30',
      'from=yesterday',
      'from=2026-02-01&to=2026-01-01',
      'from=2020-01-01',
    ])
      expect(await status(client, query)).toBe(400);
  });

  it('costs what the price table says, and is compared with all providers', async () => {
    const price = {
      provider: 'local_disk',
      storage_usd_per_gb_month: 1_000,
      egress_usd_per_gb: 1_000,
      write_usd_per_1000: 1,
      read_usd_per_1000: 0,
      as_of: '2026-11-01',
    };
    const put = (who: FilesClient, prices: object[]) =>
      who.fetch('/api/v1/prices', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prices }),
      });
    expect((await put(client, [price])).status).toBe(403);
    expect((await put(admin, [price, price])).status).toBe(400);
    expect((await put(admin, [{ ...price, egress_usd_per_gb: -1 }])).status).toBe(400);
    expect((await put(admin, [price])).status).toBe(200);
    const cost = {
      is_estimate: true,
      // 301,010 bytes, three writes, 1,100 read and 1,000 given out.
      storage_usd: 0.301,
      requests_usd: 0.003,
      egress_usd: 0.0021,
      monthly_usd: 0.3061,
      prices_as_of: '2026-11-01',
    };
    expect(await usage()).toMatchObject({ configs: [{ cost }], cost });
    const { data } = await client.json<{
      data: { provider: string; is_active: boolean; cost: { monthly_usd: number } | null }[];
    }>('GET', '/api/v1/usage/comparison');
    expect(data).toHaveLength(8);
    const known = data.slice(0, 7).map((one) => one.cost!.monthly_usd);
    expect(known).toEqual(known.toSorted((left, right) => left - right));
    expect(data.at(-2)).toMatchObject({ provider: 'local_disk', is_active: true, cost });
    expect(data.at(-1)).toMatchObject({ provider: 's3_compatible', is_active: false, cost: null });
    expect((await put(admin, [])).status).toBe(200);
    expect((await usage()).cost).toBeNull();
  });

  it('has a quota that an administrator sets', async () => {
    const path = `/api/v1/users/${await idOf(client)}`;
    expect(await admin.json('PATCH', path, { quota_bytes: 301_500 })).toMatchObject({ quota_bytes: 301_500 });
    expect(await usage()).toMatchObject({ quota_bytes: 301_500, quota_used_bytes: 301_010 });
    const refused = await client.fetch('/api/v1/files?filename=d.bin', {
      method: 'PUT',
      body: new Uint8Array(491),
    });
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ code: 'quota_exceeded' });
    const form = new FormData();
    form.append('file', new File([new Uint8Array(491)], 'd.bin'));
    const guide = await client.fetch('/api/cloud/upload', { method: 'POST', body: form });
    expect(guide.status).toBe(413);
    await client.upload('e.bin', new Uint8Array(490));
    expect(await admin.json('PATCH', path, { quota_bytes: null })).toMatchObject({ quota_bytes: null });
  });
});
