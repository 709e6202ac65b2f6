import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TemporaryFolder } from '../support/archive-maker.js';
import { MaintenanceStory, STEPS, STORY_PASSWORD } from '../support/maintenance-story.js';
import { MemoryRepositoryFiles, MemoryRepositoryStore } from '../support/memory-repository-files.js';
import { Chance } from '../support/prune-simulation/chance.js';
import { isRepositoryError } from '../../src/snapshot-engine/errors/repository-error.js';
import type { RepositoryFileKind } from '../../src/snapshot-engine/repository/repository-files.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { decodeSnapshot } from '../../src/snapshot-engine/snapshot/snapshot.js';
import { decodeTree } from '../../src/snapshot-engine/snapshot/tree.js';
import { isStorageError } from '../../src/storage-providers/storage-errors.js';

/** Each on a repository that was sound; more on demand. */
const MUTATIONS = Number(process.env.DAMAGE_MUTATIONS ?? 2_000);
/** Every so often, all that can be read is compared with what was stored. */
const READ_EVERY = 10;

/** Files whose loss a repository must notice. */
const KINDS = ['pack', 'pack', 'pack', 'index', 'snapshot', 'key', 'doomed'] as const;

describe('damage', () => {
  const folder = new TemporaryFolder();
  const sound = new MemoryRepositoryStore();
  let promised: readonly string[];
  let doomedPacks: ReadonlySet<string>;
  let contents: ReadonlyMap<string, string>;

  beforeAll(async () => {
    const story = new MaintenanceStory(sound, folder.path);
    for (const step of STEPS.slice(0, 3)) await story.run(step);
    const first = [...story.promised];
    await story.run('archive 3');
    for (const id of first) story.promised.delete(id);
    await story.run('forget');
    await story.run('prune: repack and doom');
    promised = [...story.promised];
    doomedPacks = new Set(story.prunes[0]!.doomed);
    expect((await story.check()).problems).toEqual([]);
    contents = await readAll(sound);
    expect(contents.size).toBeGreaterThan(5);
  });

  afterAll(() => folder.remove());

  it(`is reported, ${MUTATIONS} times out of ${MUTATIONS}, and never read as if it were sound`, async () => {
    const unseen: string[] = [];
    for (let seed = 0; seed < MUTATIONS; seed += 1) {
      const store = sound.clone();
      const what = mutate(store, new Chance(seed));
      if ((await check(store)) === 0) unseen.push(`${seed}: ${what}`);
      if (seed % READ_EVERY !== 0) continue;
      for (const [path, content] of await readAll(store))
        expect([what, path, content]).toEqual([what, path, contents.get(path)]);
    }
    expect(unseen).toEqual([]);
  }, 600_000);

  /** The check of an open repository, as its config or key may be what is damaged. */
  async function check(store: MemoryRepositoryStore): Promise<number> {
    const story = new MaintenanceStory(store, folder.path, promised);
    const files = new MemoryRepositoryFiles(sound);
    opened ??= await Repository.open(files, { password: STORY_PASSWORD, now: () => 0 });
    return (await story.checkOpened(opened)).problemCount;
  }
  let opened: Repository | undefined;

  function mutate(store: MemoryRepositoryStore, chance: Chance): string {
    if (chance.happens(0.03)) return mutateConfig(store, chance);
    const kind = chance.pick(KINDS);
    // A pack that waits for its deletion may be anything, or gone: nobody reads it.
    const id = chance.pick(store.ids(kind).filter((each) => kind !== 'pack' || !doomedPacks.has(each)));
    const bytes = Buffer.from(store.get(kind, id)!);
    const put = (altered: Buffer) => store.put(kind, id, altered, new Date(0));
    switch (chance.below(5)) {
      case 0: {
        const bit = chance.below(bytes.length * 8);
        bytes[bit >>> 3]! ^= 1 << (bit & 7);
        put(bytes);
        return `bit ${bit} of ${kind} ${id}`;
      }
      case 1: {
        const length = chance.below(bytes.length);
        put(bytes.subarray(0, length));
        return `${kind} ${id} ends after ${length} bytes`;
      }
      case 2: {
        put(Buffer.concat([bytes, Buffer.from([chance.below(256)])]));
        return `${kind} ${id} is a byte longer`;
      }
      case 3:
        return swap(store, chance, kind, id) ?? remove(store, kind, id);
      default:
        return remove(store, kind, id);
    }
  }

  /** Undefined when there is nothing to swap with. */
  function swap(store: MemoryRepositoryStore, chance: Chance, kind: RepositoryFileKind, id: string) {
    const others = store.ids(kind).filter((other) => other !== id);
    if (others.length === 0) return undefined;
    const other = chance.pick(others);
    const [one, two] = [store.get(kind, id)!, store.get(kind, other)!];
    store.put(kind, id, two, new Date(0));
    store.put(kind, other, one, new Date(0));
    return `${kind} ${id} and ${other} changed places`;
  }

  function remove(store: MemoryRepositoryStore, kind: RepositoryFileKind, id: string): string {
    store.delete(kind, id);
    return `${kind} ${id} is gone`;
  }

  function mutateConfig(store: MemoryRepositoryStore, chance: Chance): string {
    const config = Buffer.from(store.config!);
    const bit = chance.below(config.length * 8);
    config[bit >>> 3]! ^= 1 << (bit & 7);
    store.config = chance.happens(0.3) ? undefined : config;
    return 'the config';
  }
});

/** Path in a snapshot to content, of all that can be read. */
async function readAll(store: MemoryRepositoryStore): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  await ignoringDamage(async () => {
    const files = new MemoryRepositoryFiles(store);
    const repository = await Repository.open(files, { password: STORY_PASSWORD, now: () => 0 });
    const index = await repository.loadIndex();
    for await (const { id } of files.list('snapshot')) {
      await ignoringDamage(async () => {
        const { tree } = decodeSnapshot(await repository.loadFile('snapshot', id), id);
        await readTree(tree, id);
      });
    }

    async function readTree(treeId: string, path: string): Promise<void> {
      for (const node of decodeTree(await repository.loadBlob('tree', treeId, index), treeId)) {
        const nodePath = `${path}/${node.name.toString()}`;
        await ignoringDamage(async () => {
          if (node.subtree !== undefined) await readTree(node.subtree, nodePath);
          if (node.content === undefined) return;
          const parts = await Promise.all(node.content.map((id) => repository.loadBlob('data', id, index)));
          contents.set(nodePath, Buffer.concat(parts).toString('base64'));
        });
      }
    }
  });
  return contents;
}

async function ignoringDamage(read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!isRepositoryError(error) && !isStorageError(error)) throw error;
  }
}
