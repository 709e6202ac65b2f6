import { beforeEach, describe, expect, it } from '@jest/globals';
import { simulateDooms } from '../support/doom-simulation/simulation.js';
import { overlaid } from '../integration/repositories/overlaid-storage.js';
import { worldOnDouble } from '../support/world-on-double.js';

const refused = expect.objectContaining({ code: 'commit_refused' });

describe('doomed packs', () => {
  const started = worldOnDouble();
  let { store, world, agent } = started;
  beforeEach(() => {
    ({ store, world, agent } = started);
  });

  const packs = () => world.one.dooms.of(agent.workspace.repositoryId);
  const doom = (ids: readonly string[], sinceMs = 1_000, generation = 1) =>
    packs().doom(ids.map((id) => ({ id, sinceMs, generation })));

  it('are listed with the later time of two', async () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
    await doom([a, b], 1_000, 1);
    await doom([a], 3_000, 2);
    await doom([b], 500, 3);
    const list = await packs().list();
    expect([...list].sort((left, right) => (left.id < right.id ? -1 : 1))).toEqual([
      { id: a, sinceMs: 3_000, generation: 2 },
      { id: b, sinceMs: 1_000, generation: 1 },
    ]);
    await packs().rescue(new Set([a, 'c'.repeat(64)]));
    await packs().forget(new Set([b]));
    expect(await packs().list()).toEqual([]);
  });

  it('of none change nothing', async () => {
    await doom([]);
    expect((await agent.takeLease()).generation).toBe(0);
  });

  it('let nobody commit with an index of before, and everybody with a new one', async () => {
    await doom(['a'.repeat(64)]);
    const files = [await agent.store()];
    await expect(agent.commit({ files })).rejects.toEqual(refused);
    expect((await agent.takeLease()).generation).toBe(1);
    await agent.commit({ files });
  });

  it('are relied upon by no commit, until they are rescued', async () => {
    const pack = await agent.store();
    await doom([pack]);
    await agent.takeLease();
    await expect(agent.commit({ files: [pack] })).rejects.toEqual(refused);
    await packs().rescue(new Set([pack]));
    await agent.commit({ files: [pack] });
  });

  it('are named by no commit when they are gone, whoever ordered them', async () => {
    const pack = await agent.store();
    await doom([pack]);
    await agent.takeLease();
    await packs().forget(new Set([pack]));
    await expect(agent.commit({ files: [pack] })).rejects.toEqual(refused);
  });

  it('wait for the objects of snapshots that were decided before', async () => {
    const failing = overlaid(store.storage, { put: () => Promise.reject(new Error('away')) });
    world.one.bucket.storage = failing;
    await expect(agent.commit({ files: [] })).rejects.toThrow('away');
    await expect(doom(['a'.repeat(64)])).rejects.toThrow('away');
    await expect(doom([])).rejects.toThrow('away');
    world.one.bucket.storage = store.storage;
    await doom([]);
    const { files } = await world.one.repositories.open(agent.workspace.repositoryId);
    const ids: string[] = [];
    for await (const { id } of files.list('snapshot')) ids.push(id);
    expect(ids).toHaveLength(1);
  });

  it('never leave a snapshot without its packs, in whatever order things happen', async () => {
    const { losses, counts } = await simulateDooms(world, { firstSeed: 1, seeds: 6 });
    expect(losses).toEqual([]);
    expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
  });

  it('would leave some, did agents rely on what waits for its deletion', async () => {
    const { losses } = await simulateDooms(world, { firstSeed: 1, seeds: 100, agentsIgnoreDooms: true });
    expect(losses).not.toEqual([]);
  });
});
