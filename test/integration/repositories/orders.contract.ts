import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { OrderRow } from './order-matrix.js';
import { putOrder, send, type PaperAgent } from './paper-agent.js';
import type { RepositoryWorld } from './repository-world.js';
import type { SigningStore } from './signing-stores.js';

/** What agents can do with signed URLs at a provider, and what they cannot. */
export function describeOrdersAt(row: OrderRow, world: () => RepositoryWorld): void {
  let store: SigningStore;
  let agent: PaperAgent;

  beforeAll(async () => {
    store = await row.open();
    world().one.bucket.storage = store.storage;
    agent = await world().newAgent();
  });

  beforeEach(async () => {
    world().one.bucket.storage = store.storage;
    await agent.takeLease();
  });

  afterAll(() => store.close());

  it('store a file that a snapshot may rely on, and read it', async () => {
    const pack = agent.newFile();
    const index = await agent.sealed({ packs: [agent.listing(pack.id)] });
    await agent.store(pack);
    await agent.storeIndex(index);
    const { object_id } = await agent.commit({ files: [pack.id, index.id] });
    const { gets } = await world().one.orders.order(agent.id, {
      access: agent.hold,
      gets: [
        { kind: 'pack', id: pack.id },
        { kind: 'index', id: index.id },
        { kind: 'snapshot', id: object_id },
      ],
    });
    for (const get of gets) expect((await send(get)).status).toBe(200);
  });

  it('store nothing else', async () => {
    const file = agent.newFile();
    const [put] = (await agent.order([putOrder(file)])).puts;
    const others = Buffer.from(file.bytes.map((byte) => byte ^ 1));
    if (row.refusesOtherBytes) expect((await send(put!, others)).status).toBeGreaterThanOrEqual(400);
    if (row.refusesOtherLength) {
      expect((await send(withoutLength(put!), file.bytes.subarray(1))).status).toBeGreaterThanOrEqual(400);
    }
    expect((await send(put!, file.bytes)).status).toBeLessThan(300);
    const again = await send(put!, file.bytes);
    // Azure finds that the SAS does not permit to overwrite before it looks at the condition.
    if (row.refusesSecondPut) expect([403, 409, 412]).toContain(again.status);
    if (row.refusesOtherBytes || row.refusesSecondPut)
      expect((await send(put!, others)).status).toBeGreaterThanOrEqual(400);
    await agent.commit({ files: [file.id] });
  });

  it('are answered with what is there when they are repeated', async () => {
    const file = agent.newFile();
    const { puts } = await agent.order([putOrder(file)]);
    expect((await agent.order([putOrder(file)])).puts).toHaveLength(1);
    await send(puts[0]!, file.bytes);
    expect(await agent.order([putOrder(file)])).toMatchObject({ puts: [], stored: [file.id] });
  });

  it('cannot be turned into anything else', async () => {
    const file = agent.newFile();
    await agent.store(file);
    const [put] = (await agent.order([putOrder(agent.newFile())])).puts;
    const [get] = (
      await world().one.orders.order(agent.id, { access: agent.hold, gets: [{ kind: 'pack', id: file.id }] })
    ).gets;
    for (const signed of [put!, get!]) {
      expect(
        (await send({ ...withoutLength(signed), method: 'DELETE' as 'PUT' })).status,
      ).toBeGreaterThanOrEqual(400);
    }
    expect((await send({ ...get!, method: 'PUT' }, file.bytes)).status).toBeGreaterThanOrEqual(400);
    expect((await send({ ...withoutLength(put!), method: 'GET' })).status).toBeGreaterThanOrEqual(400);
    const config = { ...get!, url: get!.url.replace(`data/${file.id.slice(0, 2)}/${file.id}`, 'config') };
    if (config.url !== get!.url) expect((await send(config)).status).toBeGreaterThanOrEqual(400);
  });
}

/** So that the body's own length is what is sent. */
function withoutLength<T extends { readonly headers: Readonly<Record<string, string>> }>(request: T): T {
  const { 'content-length': _, ...headers } = request.headers;
  return { ...request, headers };
}
