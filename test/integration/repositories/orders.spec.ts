import { hash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { GetOrder, PutOrder } from '../../../src/agent-protocol/messages.js';
import { MAX_ORDERED_BYTES, ORDER_TTL_SECONDS } from '../../../src/agent-protocol/protocol.js';
import { OVERWRITING_URL_TTL_SECONDS } from '../../../src/repositories/content-binding.js';
import { describeOrdersAt } from './orders.contract.js';
import { ORDER_MATRIX } from './order-matrix.js';
import { overlaid } from './overlaid-storage.js';
import { putOrder, send, type PaperAgent } from './paper-agent.js';
import { RepositoryWorld } from './repository-world.js';
import { openServedLocalDisk, type SigningStore } from './signing-stores.js';

describe('orders', () => {
  let store: SigningStore;
  let world: RepositoryWorld;
  let agent: PaperAgent;

  beforeAll(async () => {
    store = await openServedLocalDisk();
    world = await RepositoryWorld.start(store.storage);
    agent = await world.newAgent();
  });

  beforeEach(async () => {
    world.one.bucket.storage = store.storage;
    await agent.takeLease();
  });

  afterAll(async () => {
    await world.stop();
    await store.close();
  });

  const get = (gets: readonly GetOrder[]) => world.one.orders.order(agent.id, { access: agent.hold, gets });
  const refusal = expect.objectContaining({ code: 'order_refused' });

  describe('are refused', () => {
    const id = 'a'.repeat(64);
    const pack: PutOrder = { kind: 'pack', id, size_bytes: 10, md5: '0'.repeat(32) };

    it.each(['key', 'config', 'lock', 'doomed', 'keys/', '', '../config', 'snapshot', 'index'])(
      'for writing a %s',
      async (kind) => {
        await expect(agent.order([{ ...pack, kind: kind as 'pack' }])).rejects.toEqual(refusal);
      },
    );

    it.each(['key', 'config', 'lock', 'doomed'])('for reading a %s', async (kind) => {
      await expect(get([{ kind: kind as 'pack', id }])).rejects.toEqual(refusal);
    });

    it.each([
      ...['', 'config', '../config', '../../keys/x', `../${id.slice(3)}`, id.toUpperCase(), id.slice(1)],
      ...[`${id}a`, `${id}\n`, `${id.slice(1)}/`, `${id}\0`],
    ])('for the name %j', async (name) => {
      await expect(agent.order([{ ...pack, id: name }])).rejects.toEqual(refusal);
      await expect(get([{ kind: 'pack', id: name }])).rejects.toEqual(refusal);
    });

    it.each([0, -1, 1.5, Number.NaN, MAX_ORDERED_BYTES + 1, 2 ** 60])('for %d bytes', async (size_bytes) => {
      await expect(agent.order([{ ...pack, size_bytes }])).rejects.toEqual(refusal);
    });

    it('for too many files, for one twice, and for no MD5', async () => {
      const many = Array.from({ length: 201 }, (_, at) => ({ ...pack, id: hash('sha256', `${at}`) }));
      await expect(agent.order(many)).rejects.toEqual(refusal);
      await expect(agent.order([pack, pack])).rejects.toEqual(refusal);
      await expect(agent.order([{ ...pack, md5: 'x' }])).rejects.toEqual(refusal);
      expect((await agent.order(many.slice(1))).puts).toHaveLength(200);
    });

    it('for other content under a name that was ordered before', async () => {
      await agent.order([pack]);
      await expect(agent.order([{ ...pack, md5: '1'.repeat(32) }])).rejects.toEqual(refusal);
      await expect(agent.order([{ ...pack, size_bytes: 11 }])).rejects.toEqual(refusal);
      expect((await agent.order([pack])).puts).toHaveLength(1);
    });

    it('without the lease', async () => {
      const lost = expect.objectContaining({ code: 'lease_lost' });
      const other = await world.newAgent();
      await other.takeLease();
      const orders = (agentId: string, workspace_id: string, fencing: number) => {
        const access = { workspace_id, fencing };
        return Promise.all([
          expect(world.one.orders.order(agentId, { access, puts: [pack] })).rejects.toEqual(lost),
          expect(world.one.orders.order(agentId, { access, gets: [pack] })).rejects.toEqual(lost),
          expect(world.one.orders.list(agentId, { access, kind: 'index' })).rejects.toEqual(lost),
        ]);
      };
      await orders(agent.id, other.workspace.id, 1);
      await orders(other.id, agent.workspace.id, agent.hold.fencing);
      await orders(agent.id, agent.workspace.id, agent.hold.fencing + 1);
      await world.one.leases.release(agent.id, agent.hold);
      await orders(agent.id, agent.workspace.id, agent.hold.fencing);
    });
  });

  it('lead into the own repository and nowhere else', async () => {
    const file = agent.newFile();
    await agent.store(file);
    const { gets } = await get([{ kind: 'pack', id: file.id }]);
    expect(await send(gets[0]!)).toMatchObject({ status: 200 });
    const key = `repositories/${agent.workspace.repositoryId}/data/${file.id.slice(0, 2)}/${file.id}`;
    expect((await store.storage.head(key)).sizeBytes).toBe(500);
    const other = await world.newAgent();
    await other.takeLease();
    const elsewhere = await world.one.orders.order(other.id, {
      access: other.hold,
      gets: [{ kind: 'pack', id: file.id }],
    });
    expect(await send(elsewhere.gets[0]!)).toMatchObject({ status: 400 });
  });

  it('list index files and snapshots, and nothing else', async () => {
    const writer = await world.newAgent();
    await writer.takeLease();
    const { pack, index, indexBytes } = await writer.storeListed();
    const { object_id } = await writer.commit({ files: [pack, index] });
    const list = (kind: 'index' | 'snapshot') =>
      world.one.orders.list(writer.id, { access: writer.hold, kind });
    expect(await list('index')).toEqual({ files: [{ id: index, size_bytes: indexBytes }] });
    expect(await list('snapshot')).toMatchObject({ files: [{ id: object_id }] });
    await expect(list('key' as 'index')).rejects.toEqual(refusal);
  });

  it('by a restore read what it was made for, by its agent, until it has ended', async () => {
    const reader = await world.newAgentRow();
    const { snapshot_id, object_id } = await agent.commit();
    const [restore] = await world.one.database.query<{ id: string }[]>(
      `INSERT INTO restores (user_id, workspace_id, snapshot_id, snapshot_object_id, agent_id, target)
       VALUES (1, $1, $2, $3, $4, '/restored') RETURNING id`,
      [agent.workspace.id, snapshot_id, Buffer.from(object_id, 'hex'), reader],
    );
    const access = { restore_id: restore!.id };
    const gets = [{ kind: 'snapshot' as const, id: object_id }];
    const answer = await world.one.orders.order(reader, { access, gets });
    expect(await send(answer.gets[0]!)).toMatchObject({ status: 200 });
    const grant = await world.one.access.openForRestore(reader, access);
    expect(grant.repository).toEqual(agent.lease?.repository);
    const puts = [putOrder(agent.newFile())];
    await expect(world.one.orders.order(reader, { access, puts })).rejects.toEqual(refusal);
    await expect(world.one.orders.order(agent.id, { access, gets })).rejects.toEqual(refusal);
    await world.one.database.query('UPDATE restores SET finished_at = now()');
    await expect(world.one.orders.order(reader, { access, gets })).rejects.toEqual(refusal);
    await expect(world.one.access.openForRestore(reader, access)).rejects.toEqual(refusal);
  });

  describe('where a URL could replace what is there', () => {
    const weak = (contentBound: 'md5' | 'none') =>
      overlaid(store.storage, { capabilities: { createOnly: false, contentBound } });

    it('are signed only for names that do not exist', async () => {
      world.one.bucket.storage = weak('md5');
      const file = agent.newFile();
      await agent.store(file);
      await agent.commit({ files: [file.id] });
      await agent.commit();
      await agent.commit();
      expect(await agent.order([putOrder(file)])).toMatchObject({ puts: [], stored: [file.id] });
      const forged = { ...putOrder(file), md5: '0'.repeat(32) };
      await expect(agent.order([forged])).rejects.toEqual(refusal);
      const shorter = { ...putOrder(agent.newFile()), id: file.id, size_bytes: 499 };
      await world.one.database.query('DELETE FROM stored_packs');
      await expect(agent.order([shorter])).rejects.toEqual(refusal);
    });

    it('live shorter when they bind nothing at all', async () => {
      const order = [putOrder(agent.newFile())];
      expect((await agent.order(order)).puts[0]?.expires_in_seconds).toBe(ORDER_TTL_SECONDS);
      world.one.bucket.storage = weak('md5');
      expect((await agent.order(order)).puts[0]?.expires_in_seconds).toBe(ORDER_TTL_SECONDS);
      world.one.bucket.storage = weak('none');
      expect((await agent.order(order)).puts[0]?.expires_in_seconds).toBe(OVERWRITING_URL_TTL_SECONDS);
    });
  });

  describe.each(ORDER_MATRIX)('at $provider', (row) => describeOrdersAt(row, () => world));
});
