import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ObjectRepositoryFiles } from '../../src/snapshot-engine/repository/object-repository-files.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { restoreSnapshot } from '../../src/snapshot-engine/restorer/restore-snapshot.js';
import { decodeSnapshot } from '../../src/snapshot-engine/snapshot/snapshot.js';
import { azureBlob } from '../../src/storage-providers/providers/azure-blob.js';
import { s3Compatible } from '../../src/storage-providers/providers/s3-compatible.js';
import type { ObjectStorage } from '../../src/storage-providers/storage-provider.js';
import { strictList } from '../../src/storage-providers/strict-list.js';
import { retrying } from '../../src/storage-providers/wrappers/retrying.js';
import { contextFor } from '../contract/connect-context.js';
import { ArchiveMaker, engineThreads, PASSWORD, TemporaryFolder } from '../support/archive-maker.js';
import { startAzurite } from '../support/azurite.js';
import { localRepository } from '../support/local-repository.js';
import { startRadosgw } from '../support/radosgw.js';
import { describeTree, makeRandomTree } from '../support/random-tree.js';
import { tryRestic } from '../support/restic.js';

/*
 * Trees go into a bucket by one program and come out by the other. Each workspace holds many random trees. Making one
 * blocks the event loop past the stores' keep-alive, so calls retry here, as they do in the service.
 */

const TREES_PER_WORKSPACE = 20;

/** A store, and how stock restic gets at a repository in it. */
interface Bucket {
  readonly storage: ObjectStorage;
  /** Runs restic on the repository below `prefix`, in `folder`. */
  restic(prefix: string, args: readonly string[], folder: string): Promise<void>;
  close(): Promise<void>;
}

/** Restic on the same files. */
async function onDisk(): Promise<Bucket> {
  const place = await localRepository();
  return {
    storage: place.storage,
    restic: (prefix, args, folder) => run(join(place.path, prefix), args, folder),
    close: () => place.remove(),
  };
}

/** Restic's own S3 client on the same prefix. */
async function onRadosgw(): Promise<Bucket> {
  const server = await startRadosgw();
  const { endpoint, region, bucket, users } = server;
  const { accessKeyId, secretAccessKey } = users.full;
  const settings = {
    endpoint,
    region,
    bucket_name: bucket,
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
    path_style: 'true',
  };
  const storage = retrying(s3Compatible.connect(settings, contextFor(endpoint)));
  const env = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_DEFAULT_REGION: region,
  };
  return {
    storage,
    restic: (prefix, args, folder) => run(`s3:${endpoint}/${bucket}/${prefix}`, args, folder, env),
    close: async () => {
      await storage.close();
      await server.stop();
    },
  };
}

/** This restic knows Azure's own address only, so it works on a copy of the container, which then goes back. */
async function onAzurite(): Promise<Bucket> {
  const server = await startAzurite();
  const { endpoint, accountName, accountKey, container } = server;
  const settings = { account_name: accountName, account_key: accountKey, bucket_name: container };
  const storage = retrying(azureBlob.connect(settings, contextFor(endpoint, { azureEndpoint: endpoint })));
  const copies = new TemporaryFolder();
  return {
    storage,
    restic: async (prefix, args, folder) => {
      const copy = join(copies.path, prefix);
      mkdirSync(copy, { recursive: true });
      await download(storage, prefix, copy);
      await run(copy, args, folder);
      await upload(storage, prefix, copy);
    },
    close: async () => {
      copies.remove();
      await storage.close();
      await server.stop();
    },
  };
}

const workers = engineThreads(2);
afterAll(() => workers.close());

describe.each([
  ['local disk', onDisk, 5],
  ['radosgw', onRadosgw, 2],
  ['azurite', onAzurite, 2],
] as const)('on %s', (_name, open, workspaces) => {
  let bucket: Bucket;
  let folder: TemporaryFolder;

  beforeAll(async () => {
    bucket = await open();
  });
  afterAll(() => bucket.close());
  beforeEach(() => {
    folder = new TemporaryFolder();
  });
  afterEach(() => folder.remove());

  const makeWorkspace = (turn: number) => {
    const workspace = join(folder.path, 'workspace');
    for (let tree = 0; tree < TREES_PER_WORKSPACE; tree += 1) {
      // Before 0.17 restic keeps link targets as text only.
      makeRandomTree(join(workspace, `tree-${tree}`), `${turn} ${tree}`, { entries: 25, oddNames: false });
    }
    return workspace;
  };

  it.each(range(workspaces))('restic checks and restores what we archived, workspace %i', async (turn) => {
    const workspace = makeWorkspace(turn);
    const prefix = `ours-${turn}`;
    const maker = await ArchiveMaker.create(new ObjectRepositoryFiles(bucket.storage, { prefix }), {
      workers,
    });
    const result = await maker.archive(workspace);
    expect(result).toMatchObject({ status: 'complete', problems: [] });
    const target = join(folder.path, 'target');
    await bucket.restic(prefix, ['check', '--read-data'], folder.path);
    await bucket.restic(prefix, ['restore', result.snapshot!, '--target', target], folder.path);
    expectSameContents(target, workspace);
  });

  it.each(range(workspaces))('we restore what restic backed up, workspace %i', async (turn) => {
    const workspace = makeWorkspace(100 + turn);
    const prefix = `theirs-${turn}`;
    await bucket.restic(prefix, ['init'], folder.path);
    await bucket.restic(prefix, ['backup', '.'], workspace);
    const files = new ObjectRepositoryFiles(bucket.storage, { prefix });
    const repository = await Repository.open(files, { password: PASSWORD, now: Date.now });
    const snapshots: string[] = [];
    for await (const { id } of files.list('snapshot')) snapshots.push(id);
    expect(snapshots).toHaveLength(1);
    const [id] = snapshots as [string];
    const { tree } = decodeSnapshot(await repository.loadFile('snapshot', id), id);
    const target = join(folder.path, 'target');
    const everything = { specialFiles: true, privileges: true, workers };
    const index = await repository.loadIndex();
    const result = await restoreSnapshot(repository, index, { id, tree }, target, everything);
    expect(result).toMatchObject({ failed: [], refused: [] });
    expectSameContents(target, workspace);
  });
});

async function run(
  repository: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const { exitCode, stdout, stderr } = await tryRestic(repository, PASSWORD, args, { cwd, env });
  if (exitCode !== 0) throw new Error(`restic ${args[0]} ended with ${exitCode}: ${stdout}${stderr}`);
}

/** Only what differs: whole trees would hide it. The target's own line is not the snapshot's business. */
function expectSameContents(actual: string, expected: string): void {
  const [ours, theirs] = [actual, expected].map((tree) => new Set(describeTree(tree).slice(1))) as [
    Set<string>,
    Set<string>,
  ];
  expect([...ours].filter((line) => !theirs.has(line))).toEqual([]);
  expect([...theirs].filter((line) => !ours.has(line))).toEqual([]);
}

async function download(storage: ObjectStorage, prefix: string, folder: string): Promise<void> {
  for await (const { key } of strictList(storage, { prefix: `${prefix}/` })) {
    const path = join(folder, key.slice(prefix.length + 1));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, await buffer((await storage.get(key)).body));
  }
}

async function upload(storage: ObjectStorage, prefix: string, folder: string): Promise<void> {
  const there = new Set<string>();
  for await (const { key } of strictList(storage, { prefix: `${prefix}/` })) there.add(key);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const key = `${prefix}/${path.slice(folder.length + 1)}`;
    const bytes = readFileSync(path);
    if (!there.has(key)) await storage.put(key, bytes, { sizeBytes: bytes.length });
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}
