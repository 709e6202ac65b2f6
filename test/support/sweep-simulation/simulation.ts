import { StorageError } from '../../../src/storage-providers/storage-errors.js';
import { EPOCH_KEY } from '../../../src/files/epoch/epoch-object.js';
import { finishDeletion, isReconcile, uploadingLife } from './uploading-life.js';
import { Crashed, type EventCounts, EVENTS, HOUR_MS, World } from './world.js';

export interface SimulationOutcome {
  /** In words, of the first story in which there were some; must be empty. */
  readonly losses: readonly string[];
  readonly counts: EventCounts;
}

const SWEEPS = 6;
const MOMENTS = 14;

/**
 * Users who store and delete by every way, sweeps, and fate, which moves the clock, takes dumps and restores them:
 * the sweeps', plans' and epochs' own code, in an order that the seed decides, with processes that die between any two
 * steps and answers that are lost. After each story, what was promised lies in the bucket, and nothing else does.
 */
export async function simulateSweeps(firstSeed: number, seeds: number): Promise<SimulationOutcome> {
  const counts = Object.fromEntries(EVENTS.map((event) => [event, 0])) as EventCounts;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const world = new World(seed, counts);
    const lives = [uploadingLife, uploadingLife, uploadingLife, sweepingLife, sweepingLife, fate];
    await world.turns.run(lives.map((life) => () => life(world)));
    await settle(world);
    if (world.losses.length > 0)
      return { losses: world.losses.map((loss) => `seed ${seed}: ${loss}`), counts };
  }
  return { losses: [], counts };
}

async function sweepingLife(world: World): Promise<void> {
  for (let count = 0; count < SWEEPS; count += 1) {
    await world.turns.next();
    await trySweep(world);
    if (world.chance.happens(0.5)) world.rows.confirmAll();
  }
}

async function trySweep(world: World): Promise<void> {
  const { isRestored } = world;
  try {
    await world.sweep();
    if (isRestored && world.isRestored && !world.isAdopting)
      world.losses.push('a restored database was swept');
  } catch (error) {
    if (isReconcile(error)) world.counts.locked += 1;
    else if (!(error instanceof Crashed) && !(error instanceof StorageError)) throw error;
  }
}

/** Time passes, mostly hours; the rows are dumped, and sometimes an older dump is all that is left. */
async function fate(world: World): Promise<void> {
  for (let moment = 0; moment < MOMENTS; moment += 1) {
    for (let turns = world.chance.below(60); turns > 0; turns -= 1) await world.turns.next();
    const { chance } = world;
    world.pass(chance.happens(0.6) ? chance.below(8 * HOUR_MS) : chance.below(60 * HOUR_MS));
    if (chance.happens(0.5)) expireUploads(world);
    if (chance.happens(0.2)) dump(world);
    if (chance.happens(0.06)) restore(world);
    if (chance.happens(0.05)) vandalise(world);
    if (world.isRestored && chance.happens(0.3)) await adopt(world);
  }
}

/** Somebody removes an object by hand: its file must be told as missing, and stay. */
function vandalise(world: World): void {
  const keys = [...world.promised.values()].flatMap((some) => [...some]);
  if (keys.length === 0) return;
  const key = world.chance.pick(keys);
  for (const some of world.promised.values()) some.delete(key);
  world.bucket.objects.delete(key);
}

/** As the server's own upkeep does. */
function expireUploads(world: World): void {
  for (const upload of world.rows.tables.uploads.values())
    if (world.nowMs - upload.createdAtMs > 24 * HOUR_MS) upload.ended = true;
}

function dump(world: World): void {
  if (world.isRestored) return;
  const { databaseId } = world;
  const rows = world.rows.dump();
  const [row] = rows.epochs.values();
  world.dumped = { dump: rows, epochs: row?.counter ?? 0, databaseId };
}

/**
 * Into a new database at any time; as a copy of all files, which looks the same, only after the bucket has seen another
 * epoch: what was lost within that hour cannot be told.
 */
function restore(world: World): void {
  const { dumped } = world;
  const seen = world.epochsSeen();
  if (dumped === undefined || seen === 0 || world.isRestored) return;
  const isCopyOfFiles = world.chance.happens(0.5);
  if (isCopyOfFiles && (seen <= dumped.epochs || dumped.databaseId !== world.databaseId)) return;
  if (!isCopyOfFiles) world.databaseId = `1/${world.life + 2}/1`;
  world.rows.tables = dumped.dump;
  world.dumped = undefined;
  world.life += 1;
  world.isRestored = true;
  world.counts.restore += 1;
}

/** The user has looked at what differs, saves what the rows do not know to be a file, and goes on with them. */
async function adopt(world: World): Promise<void> {
  const live = await world.rows.liveBetween(1, '', 'g', Infinity).catch(() => undefined);
  if (live === undefined) return;
  const needed = new Set(live.map(({ objectKey }) => objectKey));
  for (const [fileId, keys] of world.promised) {
    for (const key of keys) if (!needed.has(key)) keys.delete(key);
    if (keys.size === 0) world.promised.delete(fileId);
  }
  world.isAdopting = true;
  try {
    await world.epochs.adopt(world.opened);
  } catch (error) {
    if (!(error instanceof Crashed) && !(error instanceof StorageError)) throw error;
  } finally {
    world.isAdopting = false;
  }
  // It may have come so far although its end was not heard of.
  if (!world.bucketKnowsRows()) return;
  world.isRestored = false;
  world.counts.adopted += 1;
}

/** Nobody is at work any more: sweeps come to an end, and leave what was promised and nothing else. */
async function settle(world: World): Promise<void> {
  world.isQuiet = true;
  if (world.isRestored) {
    await trySweep(world);
    await adopt(world);
  }
  world.nowMs += 100 * HOUR_MS;
  expireUploads(world);
  for (const file of [...world.rows.tables.files.values()])
    if (file.state === 'deleting') await finishDeletion(world, file);
  for (let count = 0; count < 4; count += 1) {
    await world.sweep();
    world.rows.confirmAll();
    world.nowMs += 2 * HOUR_MS;
  }
  for (const keys of world.promised.values())
    for (const key of keys)
      if (!world.bucket.objects.has(key)) world.losses.push(`${key} was promised and is not there`);
  for (const { objectKey, isMissing } of await world.rows.liveBetween(1, '', 'g', Infinity))
    if (isMissing === world.bucket.objects.has(objectKey))
      world.losses.push(
        `${objectKey} is ${isMissing ? 'there and told as missing' : 'missing and not told'}`,
      );
  const needed = world.rows.needed();
  const left = objectsOf(world).filter((key) => !needed.has(key));
  if (left.length > 0) world.losses.push(`left behind: ${left.join(' ')}`);
  if (world.bucket.uploads.size > 0) world.losses.push(`${world.bucket.uploads.size} uploads left behind`);
}

function objectsOf(world: World): string[] {
  return [...world.bucket.objects.keys()].filter((key) => key !== EPOCH_KEY);
}
