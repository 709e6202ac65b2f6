import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OpenShares } from '../../../src/files/shares/open-shares.js';
import { shareClient } from '../../../src/files/shares/share-client.js';
import { ShareForgetting } from '../../../src/files/shares/share-forgetting.service.js';
import { newShareToken } from '../../../src/files/shares/share-token.js';
import { formBody, formType } from './form-body.js';
import { UploadServer, USER_ID } from './upload-server.js';

const DAY_MS = 86_400_000;

describe('downloads by a share', () => {
  let server: UploadServer;
  let shares: OpenShares;
  let fileId: number;
  let nowMs = Date.now();

  beforeAll(async () => {
    server = await UploadServer.start();
    shares = new OpenShares(server.statements, () => nowMs);
    await sql(`INSERT INTO users (id, name) VALUES ($1, 'sharer') ON CONFLICT DO NOTHING`, [USER_ID]);
    const body = formBody([{ name: 'file', filename: 'a.txt', content: Buffer.from('hello') }]);
    const headers = { 'content-type': formType() };
    const answer = await fetch(server.url, { method: 'POST', headers, body: new Uint8Array(body) });
    fileId = ((await answer.json()) as { files: { id: number }[] }).files[0]!.id;
  });

  afterAll(() => server.stop());

  const sql = <Row extends object>(text: string, values: unknown[] = []) =>
    server.statements.query<Row>({ name: '', text }, values);

  async function share(maxDownloads: number | null, expiresAt: Date | null = null) {
    const { token, hash } = newShareToken();
    const [row] = await sql<{ id: number }>(
      `INSERT INTO share_links (user_id, file_id, token_hash, disposition, max_downloads, expires_at)
        VALUES ($1, $2, $3, 'attachment', $4, $5) RETURNING id`,
      [USER_ID, fileId, hash, maxDownloads, expiresAt],
    );
    return { token, id: row!.id };
  }

  const visit = (token: string, program: string) => ({ token, client: shareClient('192.0.2.1', program) });

  async function ask(token: string, program: string, isPart: boolean): Promise<boolean> {
    const by = visit(token, program);
    try {
      await shares.count(await shares.find(by), by, isPart);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'share_not_found' });
      return false;
    }
  }

  async function countOf(id: number): Promise<number> {
    const [row] = await sql<{ download_count: string }>(
      'SELECT download_count FROM share_links WHERE id = $1',
      [id],
    );
    return Number(row!.download_count);
  }

  const admitted = (answers: readonly boolean[]) => answers.filter(Boolean).length;

  it('are never more than it allows, however many begin at once', async () => {
    const { token, id } = await share(7);
    const rounds = Array.from({ length: 60 }, (_, n) => ask(token, `program ${n % 20}`, false));
    expect(admitted(await Promise.all(rounds))).toBe(7);
    expect(await countOf(id)).toBe(7);
  });

  it('count once for a client that fetches many parts at once', async () => {
    const { token, id } = await share(1);
    const parts = Array.from({ length: 30 }, () => ask(token, 'one', true));
    expect(admitted(await Promise.all(parts))).toBe(30);
    expect(await countOf(id)).toBe(1);
    expect(await ask(token, 'another', true)).toBe(false);
    expect(await ask(token, 'one', false)).toBe(false);
  });

  it('count once for each of many clients that fetch parts at once', async () => {
    const { token, id } = await share(3);
    const parts = Array.from({ length: 60 }, (_, n) => ask(token, `program ${n % 6}`, true));
    expect(admitted(await Promise.all(parts))).toBe(30);
    expect(await countOf(id)).toBe(3);
  });

  it('are counted without a limit, too, and never lost', async () => {
    const { token, id } = await share(null);
    const wholes = Array.from({ length: 40 }, (_, n) => ask(token, `program ${n % 3}`, false));
    expect(admitted(await Promise.all(wholes))).toBe(40);
    expect(await countOf(id)).toBe(40);
  });

  it('can be resumed for a day; after that they count anew', async () => {
    const { token, id } = await share(null);
    await ask(token, 'one', false);
    nowMs += DAY_MS - 1;
    expect(await ask(token, 'one', true)).toBe(true);
    expect(await countOf(id)).toBe(1);
    nowMs += 1;
    expect(await ask(token, 'one', true)).toBe(true);
    expect(await countOf(id)).toBe(2);
  });

  it('are refused by the database itself where there are too many', async () => {
    const { id } = await share(1);
    await expect(sql('UPDATE share_links SET download_count = 2 WHERE id = $1', [id])).rejects.toThrow(
      'share_links_max_downloads',
    );
  });

  it('are not admitted when the share ends between its finding and the first byte', async () => {
    const { token, id } = await share(null);
    const by = visit(token, 'late');
    const found = await shares.find(by);
    await sql('UPDATE share_links SET revoked_at = now() WHERE id = $1', [id]);
    for (const isPart of [true, false]) {
      await expect(shares.count(found, by, isPart)).rejects.toMatchObject({ code: 'share_not_found' });
    }
    expect(await countOf(id)).toBe(0);
  });

  it('are forgotten in time, and so are shares that ended long ago', async () => {
    const ended = await share(null, new Date(nowMs - 30 * DAY_MS));
    const endedLately = await share(null, new Date(nowMs - 28 * DAY_MS));
    const endless = await share(1);
    await ask(endless.token, 'early', true);
    nowMs += DAY_MS / 2;
    const lasting = await share(null);
    await ask(lasting.token, 'late', true);
    nowMs += DAY_MS / 2;
    const clock = { now: () => nowMs };
    const queue = { handle: () => undefined, schedule: () => undefined };
    await new ShareForgetting(server.statements, queue as never, clock).forget();
    const kept = await sql<{ id: number }>('SELECT id FROM share_links');
    const ids = kept.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining([endless.id, lasting.id, endedLately.id]));
    expect(ids).not.toContain(ended.id);
    const downloads = await sql<{ share_id: number }>('SELECT share_id FROM share_downloads');
    expect(downloads).toEqual([{ share_id: lasting.id }]);
  });

  it('end with their file', async () => {
    await sql('DELETE FROM cloud_files WHERE id = $1', [fileId]);
    expect(await sql('SELECT id FROM share_links')).toEqual([]);
    expect(await sql('SELECT share_id FROM share_downloads')).toEqual([]);
  });
});
