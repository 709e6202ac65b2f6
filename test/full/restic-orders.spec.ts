import { hash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { passwordPlace } from '../../src/repositories/password-place.js';
import { archive } from '../../src/snapshot-engine/archiver/archive.js';
import { DEFAULT_POLICY } from '../../src/snapshot-engine/archiver/archive-policy.js';
import { archiveTarget } from '../../src/snapshot-engine/archiver/repository-target.js';
import { ENGINE_SERVICES } from '../../src/snapshot-engine/engine-worker.js';
import {
  InlineWorkers,
  Repository,
  type RepositoryFileKind,
  type RepositoryFiles,
} from '../../src/snapshot-engine/index.js';
import type { PaperAgent } from '../integration/repositories/paper-agent.js';
import { RepositoryWorld } from '../integration/repositories/repository-world.js';
import { openServedLocalDisk, type ServedLocalDisk } from '../integration/repositories/signing-stores.js';
import { TemporaryFolder } from '../support/archive-maker.js';
import { noise } from '../support/noise.js';
import { restic } from '../support/restic.js';

/* A repository that was written by signed URLs and commits alone is one that stock restic opens, checks and restores. */

let store: ServedLocalDisk;
let world: RepositoryWorld;
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = new TemporaryFolder();
  store = await openServedLocalDisk();
  world = await RepositoryWorld.start(store.storage);
});

afterAll(async () => {
  await world.stop();
  await store.close();
  folder.remove();
});

it('is a repository of restic', async () => {
  const agent = await world.newAgent();
  const workspace = join(folder.path, 'workspace');
  mkdirSync(join(workspace, 'sub'), { recursive: true });
  const snapshots: string[] = [];
  for (const round of [1, 2, 3]) {
    writeFileSync(join(workspace, `file ${round}`), noise(300_000, round));
    writeFileSync(join(workspace, 'sub', 'changing'), `round ${round}`);
    snapshots.push(await archiveByOrders(agent, workspace));
  }
  const path = join(store.folder, `repositories/${agent.workspace.repositoryId}`);
  const password = await passwordOf(agent);
  await restic(path, password, 'check', '--read-data');
  const listed = JSON.parse(await restic(path, password, 'snapshots', '--json')) as { id: string }[];
  expect(listed.map(({ id }) => id)).toEqual(snapshots);
  const changing = await restic(path, password, 'dump', snapshots[1]!, '/sub/changing');
  expect(changing).toBe('round 2');
});

async function archiveByOrders(agent: PaperAgent, workspace: string): Promise<string> {
  const { repository: keys } = await agent.takeLease();
  const saved: string[] = [];
  const { files } = await world.one.repositories.open(agent.workspace.repositoryId);
  const ordered: RepositoryFiles = Object.assign(Object.create(files) as RepositoryFiles, {
    save: (kind: RepositoryFileKind, id: string, bytes: Uint8Array) =>
      saveByOrder(agent, kind, id, bytes, saved),
    list: files.list.bind(files),
    load: files.load.bind(files),
  });
  const grant = { masterKey: keys.master_key, config: keys.config };
  const repository = Repository.fromGrant(ordered, grant, { now: () => Date.now() });
  const target = archiveTarget(repository, await repository.loadIndex(), async ({ tree }) => {
    const { object_id } = await agent.commit({ tree, files: saved });
    return object_id;
  });
  const result = await archive({
    ...{ target, workspace, workers: new InlineWorkers(ENGINE_SERVICES), layout: 'contents' },
    policy: { ...DEFAULT_POLICY, defaultExcludes: false },
    origin: { hostname: 'host', username: 'user' },
    now: () => Date.now(),
  });
  return result.snapshot!;
}

async function saveByOrder(
  agent: PaperAgent,
  kind: RepositoryFileKind,
  id: string,
  bytes: Uint8Array,
  saved: string[],
): Promise<void> {
  expect(hash('sha256', bytes)).toBe(id);
  const file = { id, bytes: Buffer.from(bytes) };
  if (kind === 'index') await agent.storeIndex(file);
  else await agent.store({ kind: 'pack', ...file });
  saved.push(id);
}

async function passwordOf({ workspace }: PaperAgent): Promise<string> {
  const [row] = await world.one.database.query<{ id: string; sealed: string }[]>(
    'SELECT id, sealed_password AS sealed FROM repositories WHERE id = $1',
    [workspace.repositoryId],
  );
  return world.one.texts.open(passwordPlace({ id: row!.id, userId: workspace.userId }), row!.sealed);
}
