import { hash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_INDEX_FILE_BYTES } from '../../../src/agent-protocol/protocol.js';
import type { SealedFile } from '../../../src/snapshot-engine/index.js';
import type { PaperAgent } from './paper-agent.js';
import { RepositoryWorld } from './repository-world.js';
import { openServedLocalDisk, type SigningStore } from './signing-stores.js';

const refusal = expect.objectContaining({ code: 'order_refused' });
const lost = expect.objectContaining({ code: 'lease_lost' });
const outOfDate = expect.objectContaining({ code: 'commit_refused' });

describe('index files', () => {
  let store: SigningStore;
  let world: RepositoryWorld;
  let agent: PaperAgent;
  let pack: string;

  beforeAll(async () => {
    store = await openServedLocalDisk();
    world = await RepositoryWorld.start(store.storage);
  });

  beforeEach(async () => {
    agent = await world.newAgent();
    await agent.takeLease();
    pack = await agent.store();
  });

  afterAll(async () => {
    await world.stop();
    await store.close();
  });

  const stored = async () => {
    const { files } = await world.one.orders.list(agent.id, { access: agent.hold, kind: 'index' });
    return files.map(({ id }) => id);
  };
  const named = (bytes: Buffer): SealedFile => ({ id: hash('sha256', bytes), bytes });
  /** Sealed as it is, without the engine's own compression. */
  const sealedRaw = async (plaintext: Buffer): Promise<SealedFile> => {
    const { repository } = await world.one.repositories.open(agent.workspace.repositoryId);
    return named(repository.cipher.seal(plaintext));
  };

  it('are stored by the server, and a snapshot may rely on them', async () => {
    const second = await agent.store();
    const file = await agent.sealed({ packs: [agent.listing(pack), agent.listing(second)] });
    await agent.storeIndex(file);
    expect(await stored()).toEqual([file.id]);
    const { repository } = await world.one.repositories.open(agent.workspace.repositoryId);
    expect((await repository.loadIndex()).files).toEqual(new Set([file.id]));
    await agent.commit({ files: [pack, second, file.id] });
  });

  it('leave a note of the packs that nobody but their host has read, before they are stored', async () => {
    const noted = async () => {
      const rows = await world.one.database.query<{ id: string; agent_id: string }[]>(
        "SELECT encode(id, 'hex') AS id, agent_id FROM unproven_packs WHERE repository_id = $1",
        [agent.workspace.repositoryId],
      );
      return rows.map(({ id, agent_id: agentId }) => [id, agentId]);
    };
    expect(await noted()).toEqual([]);
    await agent.storeIndex(await agent.sealed({ packs: [agent.listing(pack)] }));
    expect(await noted()).toEqual([[pack, agent.id]]);
  });

  it('are stored once, however often they arrive', async () => {
    const file = await agent.sealed({ packs: [agent.listing(pack)] });
    await Promise.all([agent.storeIndex(file), agent.storeIndex(file)]);
    await agent.storeIndex(file);
    await agent.commit({ files: [pack, file.id] });
    // The next commit forgets the pack's row; an answer that was lost may still be asked for again.
    await agent.storeIndex(file);
    expect(await stored()).toEqual([file.id]);
  });

  describe('are refused, and nothing is stored,', () => {
    const refuses = async (file: SealedFile, with_ = refusal): Promise<void> => {
      await expect(agent.storeIndex(file)).rejects.toEqual(with_);
      expect(await stored()).toEqual([]);
      const rows = await world.one.database.query<unknown[]>(
        "SELECT 1 FROM stored_packs WHERE repository_id = $1 AND kind = 'index'",
        [agent.workspace.repositoryId],
      );
      expect(rows).toEqual([]);
    };

    it('when they are garbage, or named otherwise', async () => {
      const { id, bytes } = agent.newFile();
      await refuses({ id, bytes });
      await refuses(named(Buffer.alloc(0)));
      const honest = await agent.sealed({ packs: [agent.listing(pack)] });
      await refuses({ ...honest, id });
      await refuses(named(honest.bytes.subarray(1)));
    });

    it('when they are sealed for another repository', async () => {
      const other = await world.newAgent();
      await refuses(await other.sealed({ packs: [agent.listing(pack)] }));
    });

    it('when they are larger than any index', async () => {
      await refuses(named(Buffer.alloc(MAX_INDEX_FILE_BYTES + 1)));
      const bomb = zstdCompressSync(Buffer.alloc(64 * 1_024 * 1_024, ' '));
      await refuses(await sealedRaw(Buffer.concat([Buffer.of(2), bomb])));
    });

    it.each<[string, (listing: object) => object]>([
      ['is no index', () => ({ hello: 1 })],
      ['names no pack', () => ({ packs: [] })],
      ['names a pack twice', (listing) => ({ packs: [listing, listing] })],
      ['names a pack without a blob', () => ({ packs: [{ id: pack, blobs: [] }] })],
      ['supersedes others', (listing) => ({ supersedes: ['a'.repeat(64)], packs: [listing] })],
      [
        'has a second list under a name that some take for the same',
        (listing) => ({ packs: [listing], Packs: [] }),
      ],
      ['has a blob beyond the end of its pack', () => ({ packs: [agent.listing(pack, 501)] })],
    ])('when one %s', async (_what, jsonOf) => {
      await refuses(await agent.sealed(jsonOf(agent.listing(pack))));
    });

    it('when one says two things', async () => {
      const listing = JSON.stringify(agent.listing(pack));
      await refuses(await sealedRaw(Buffer.from(`{"packs":[${listing}],"packs":[]}`)));
      const frame = zstdCompressSync(Buffer.from(`{"packs":[${listing}]}`));
      const twice = Buffer.concat([Buffer.of(2), frame, zstdCompressSync(Buffer.from('and garbage'))]);
      await refuses(await sealedRaw(twice));
    });

    it('when packs are unknown here, so that the index is loaded again', async () => {
      const other = await world.newAgent();
      await other.takeLease();
      for (const id of [agent.newFile().id, await other.store()])
        await refuses(await agent.sealed({ packs: [agent.listing(pack), agent.listing(id)] }), outOfDate);
    });

    it('when packs are about to be deleted', async () => {
      const dooms = world.one.dooms.of(agent.workspace.repositoryId);
      await dooms.doom([{ id: pack, sinceMs: 1, generation: 1 }]);
      await refuses(await agent.sealed({ packs: [agent.listing(pack)] }), outOfDate);
    });

    it('without the lease', async () => {
      const file = await agent.sealed({ packs: [agent.listing(pack)] });
      const { id } = agent;
      const bytes = file.bytes.toString('base64');
      const stranger = await world.newAgentRow();
      const older = { ...agent.hold, fencing: agent.hold.fencing + 1 };
      const { indexes } = world.one;
      await expect(indexes.store(stranger, { access: agent.hold, id: file.id, bytes })).rejects.toEqual(lost);
      await expect(indexes.store(id, { access: older, id: file.id, bytes })).rejects.toEqual(lost);
      await world.one.leases.release(id, agent.hold);
      await expect(agent.storeIndex(file)).rejects.toEqual(lost);
      await agent.takeLease();
      expect(await stored()).toEqual([]);
    });

    it('under the name of a pack that was ordered', async () => {
      const file = await agent.sealed({ packs: [agent.listing(pack)] });
      await agent.store({ kind: 'pack', ...file });
      await refuses(file);
    });
  });

  it('of fifty thousand blobs are taken', async () => {
    const blobs = Array.from({ length: 50_000 }, (_, at) => ({
      id: hash('sha256', `${at}`),
      ...{ type: 'data', offset: 0, length: 500, uncompressed_length: 8_388_608 },
    }));
    const file = await agent.sealed({ packs: [{ id: pack, blobs }] });
    expect(file.bytes.length).toBeLessThan(MAX_INDEX_FILE_BYTES / 4);
    await agent.storeIndex(file);
    expect(await stored()).toEqual([file.id]);
  });
});
