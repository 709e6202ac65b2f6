import { StorageError } from '../../../src/storage-providers/storage-errors.js';
import type { FileRow } from './memory-rows.js';
import { Crashed, type World } from './world.js';

const STEPS = 6;
const BYTE = Buffer.from('x');
const ONE = { sizeBytes: 1 } as const;

/** A user who stores, overwrites and deletes, by each way in turn; what fails cleans up behind itself, if it can. */
export async function uploadingLife(world: World): Promise<void> {
  for (let step = 0; step < STEPS; step += 1) {
    const act = world.chance.pick(ACTS);
    try {
      await act(world);
    } catch (error) {
      if (!(error instanceof Crashed) && !(error instanceof StorageError)) throw error;
    }
  }
}

const ACTS = [putOnce, putOnce, inParts, inParts, direct, tus, overwrite, trash, undelete, purge];

/** One call stores the object; its row follows. A row whose commit was lost may be there: then the object stays. */
async function putOnce(world: World): Promise<void> {
  const key = world.key();
  const { storage } = world.opened;
  await world.underWay(async () => {
    try {
      await storage.put(key, BYTE, ONE);
    } catch (error) {
      if (error instanceof StorageError) await storage.delete(key);
      throw error;
    }
  });
  const id = stored(world, key);
  world.counts.put += 1;
  world.promise(id, key);
}

/** A row comes first, and becomes the file's at the end, unless it was given up meanwhile. */
async function inParts(world: World): Promise<void> {
  const key = world.key();
  const multipart = world.bucket.storage.multipart!;
  const { uploadId } = await multipart.create(key, {});
  await world.step();
  const { files } = world.rows.tables;
  const row = newFile(world, key, 'pending', uploadId);
  files.set(row.id, row);
  await multipart.uploadPart(key, uploadId, 1, BYTE, ONE);
  await multipart.complete(key, uploadId, [], {});
  await world.step();
  const known = world.rows.tables.files.get(row.id);
  if (known?.state !== 'pending') {
    world.counts['given up'] += 1;
    // The object is this attempt's own.
    await world.bucket.storage.delete(key);
    return;
  }
  Object.assign(known, { state: 'stored', uploadId: null, atMs: world.nowMs });
  world.counts.parts += 1;
  world.promise(row.id, key);
}

/** The client stores the object itself; completing it makes the file. */
async function direct(world: World): Promise<void> {
  const key = world.key();
  await world.step();
  world.rows.tables.uploads.set(key, uploadOf(world, key, null));
  await world.bucket.storage.put(key, BYTE, ONE);
  if (world.chance.happens(0.3)) {
    await abort(world, key);
    return;
  }
  await complete(world, key);
  world.counts.direct += 1;
}

/** What does not fill a part yet lies in a tail of its own. */
async function tus(world: World): Promise<void> {
  const [key, tailKey] = [world.key(), world.key()];
  const { storage } = world.bucket;
  const { uploadId } = await storage.multipart!.create(key, {});
  await world.step();
  const upload = uploadOf(world, key, uploadId);
  upload.tailKey = tailKey;
  world.rows.tables.uploads.set(key, upload);
  await storage.put(tailKey, BYTE, ONE);
  await world.step();
  await storage.head(tailKey);
  await storage.multipart!.complete(key, uploadId, [], {});
  await complete(world, key);
  world.counts.tus += 1;
  await storage.delete(tailKey);
}

async function complete(world: World, key: string): Promise<void> {
  await world.step();
  const upload = world.rows.tables.uploads.get(key);
  if (upload === undefined || upload.ended) return;
  upload.ended = true;
  world.promise(stored(world, key), key);
}

async function abort(world: World, key: string): Promise<void> {
  await world.step();
  const upload = world.rows.tables.uploads.get(key);
  if (upload === undefined || upload.ended) return;
  upload.ended = true;
  world.counts.abort += 1;
  await world.bucket.storage.delete(key);
}

/** The earlier content becomes a version. */
async function overwrite(world: World): Promise<void> {
  const file = anyFile(world, 'stored');
  if (file === undefined) return;
  const key = world.key();
  await world.underWay(async () => void (await world.bucket.storage.put(key, BYTE, ONE)));
  const now = world.rows.tables.files.get(file.id);
  if (now?.state !== 'stored') return world.bucket.storage.delete(key);
  const id = world.rows.nextId();
  const version = { id, fileId: now.id, key: now.key, atMs: world.nowMs, missing: now.missing };
  world.rows.tables.versions.set(id, version);
  Object.assign(now, { key, atMs: world.nowMs, missing: false });
  world.counts.overwrite += 1;
  world.promise(now.id, key);
}

async function trash(world: World): Promise<void> {
  await world.step();
  const file = anyFile(world, 'stored');
  if (file === undefined) return;
  file.state = 'trashed';
  world.counts.trash += 1;
}

async function undelete(world: World): Promise<void> {
  await world.step();
  const file = anyFile(world, 'trashed');
  if (file === undefined) return;
  file.state = 'stored';
  world.counts.undelete += 1;
}

/** As every deletion by the rows it asks first whether they count. */
async function purge(world: World): Promise<void> {
  const epochs = world.epochs;
  try {
    await epochs.assertCurrent(world.opened);
  } catch (error) {
    if (isReconcile(error)) return void (world.counts.locked += 1);
    throw error;
  }
  await world.step();
  const file = anyFile(world, 'trashed');
  if (file === undefined) return;
  world.release(file.id);
  file.state = 'deleting';
  world.counts.purge += 1;
  await finishDeletion(world, file);
}

/** Goes on where a deletion was interrupted, too. */
export async function finishDeletion(world: World, { id, key }: FileRow): Promise<void> {
  const { storage } = world.bucket;
  const versions = [...world.rows.tables.versions.values()].filter(({ fileId }) => fileId === id);
  for (const version of versions) {
    await storage.delete(version.key);
    await world.step();
    world.rows.tables.versions.delete(version.id);
  }
  await storage.delete(key);
  await world.step();
  world.rows.tables.files.delete(id);
}

export function isReconcile(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'reconcile_required';
}

function stored(world: World, key: string): number {
  const row = newFile(world, key, 'stored', null);
  world.rows.tables.files.set(row.id, row);
  return row.id;
}

function newFile(world: World, key: string, state: FileRow['state'], uploadId: string | null): FileRow {
  return { id: world.rows.nextId(), key, state, uploadId, atMs: world.nowMs, missing: false };
}

function uploadOf(world: World, key: string, multipartId: string | null) {
  return { key, multipartId, tailKey: null as string | null, createdAtMs: world.nowMs, ended: false };
}

function anyFile(world: World, state: FileRow['state']): FileRow | undefined {
  const files = [...world.rows.tables.files.values()].filter((file) => file.state === state);
  return files.length === 0 ? undefined : world.chance.pick(files);
}
