import { MAX_PER_RUN, MAX_SHARE, MIN_AGE_MS, SECOND_SIGHTING_MS } from './sweep-limits.js';
import type { SightingKind } from './sweep-sighting.entity.js';

/** An object of ours that no row names. */
export interface UnnamedObject {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
}

/** A multipart upload at the provider that no row names. */
export interface UnnamedUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly startedAtMs: number;
}

/** A file or an earlier version of one that counts as whole. */
export interface LiveRow {
  readonly kind: 'file' | 'version';
  readonly id: number;
  readonly objectKey: string;
  readonly storedAtMs: number;
  /** As far as earlier runs know. */
  readonly isMissing: boolean;
}

/** At most as many as are kept, and how many there are. */
export interface Found<T> {
  readonly first: readonly T[];
  readonly count: number;
}

/** What a complete listing and the rows tell of each other. */
export interface Comparison {
  /** Below `f/`. */
  readonly scannedObjects: number;
  readonly objects: Found<UnnamedObject>;
  readonly uploads: Found<UnnamedUpload>;
  /** Whose object the listing does not have. */
  readonly absent: Found<LiveRow>;
  /** Whose object is back. */
  readonly found: readonly LiveRow[];
  readonly liveRows: number;
}

/** What the previous complete listing showed. */
export interface Sighting {
  readonly kind: SightingKind;
  readonly name: string;
  readonly mark: string;
  readonly firstSeenMs: number;
  readonly confirmed: boolean;
}

export interface Stop {
  readonly code: 'too_many' | 'too_many_missing';
  /** A sentence to act on. */
  readonly detail: string;
}

export interface SweepPlan {
  /** What the next run may rely on; all others are forgotten. */
  readonly sightings: readonly Sighting[];
  readonly deleteObjects: readonly UnnamedObject[];
  readonly abortUploads: readonly UnnamedUpload[];
  /** Not known to be missing yet. */
  readonly markMissing: readonly LiveRow[];
  readonly stop: Stop | undefined;
  /** Whether another run has something to do soon. */
  readonly isUnfinished: boolean;
}

/** `f/<file>/<attempt>`: whatever else lies there is not ours to delete. */
const OUR_KEY = /^f\/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

export function isOurKey(key: string): boolean {
  return OUR_KEY.test(key);
}

/** Whether something of this age can belong to nothing that is still under way. */
export function isOldEnough(madeAtMs: number, nowMs: number): boolean {
  return nowMs - madeAtMs > MIN_AGE_MS;
}

/**
 * What may be done on the ground of a complete listing and of the one before it. An object goes only if its key is
 * ours, it is old, no row names it, and an earlier listing showed this very object without a row an hour ago or longer;
 * and only if there are few of them, or their user has confirmed these.
 */
export function planSweep(
  { scannedObjects, objects, uploads, absent, liveRows }: Comparison,
  earlier: readonly Sighting[],
  nowMs: number,
): SweepPlan {
  const memory = new Memory(earlier, nowMs);
  const sightings = [
    ...objects.first.map((object) => memory.see('object', object.key, markOf(object))),
    ...uploads.first.map(({ key, uploadId }) => memory.see('upload', uploadId, key)),
    ...absent.first
      .filter(isNews)
      .map((row) => memory.see('missing', row.objectKey, `${row.kind}:${row.id}`)),
  ];
  const proven = new Set(sightings.filter((sighting) => memory.proves(sighting)).map(nameOf));
  const confirmed = new Set(sightings.filter((sighting) => sighting.confirmed).map(nameOf));
  const isIn = (names: ReadonlySet<string>) => (object: UnnamedObject) => names.has(`object ${object.key}`);

  const stop =
    stopForMissing(absent, liveRows) ??
    stopForObjects(objects.count - objects.first.filter(isIn(confirmed)).length, scannedObjects);
  const mayGo = objects.first
    .filter(({ key, lastModifiedMs }) => isOurKey(key) && isOldEnough(lastModifiedMs, nowMs))
    .filter(isIn(proven))
    .filter((object) => stop === undefined || (stop.code === 'too_many' && isIn(confirmed)(object)));
  const mayEnd = uploads.first.filter(
    ({ key, uploadId, startedAtMs }) =>
      isOurKey(key) && isOldEnough(startedAtMs, nowMs) && proven.has(`upload ${uploadId}`),
  );
  return {
    sightings,
    deleteObjects: mayGo.slice(0, MAX_PER_RUN),
    abortUploads: stop === undefined ? mayEnd.slice(0, MAX_PER_RUN) : [],
    markMissing: absent.first
      .filter(isNews)
      .filter(({ objectKey }) => proven.has(`missing ${objectKey}`))
      .slice(0, MAX_PER_RUN),
    stop,
    isUnfinished: proven.size < sightings.length || mayGo.length > MAX_PER_RUN || mayEnd.length > MAX_PER_RUN,
  };
}

/** What earlier listings showed. */
class Memory {
  readonly #earlier: ReadonlyMap<string, Sighting>;

  constructor(
    earlier: readonly Sighting[],
    private readonly nowMs: number,
  ) {
    this.#earlier = new Map(earlier.map((sighting) => [nameOf(sighting), sighting]));
  }

  see(kind: SightingKind, name: string, mark: string): Sighting {
    const before = this.#earlier.get(nameOf({ kind, name }));
    if (before?.mark === mark) return before;
    return { kind, name, mark, firstSeenMs: this.nowMs, confirmed: false };
  }

  proves({ firstSeenMs }: Sighting): boolean {
    return this.nowMs - firstSeenMs >= SECOND_SIGHTING_MS;
  }
}

function nameOf({ kind, name }: Pick<Sighting, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

function markOf({ etag, lastModifiedMs, sizeBytes }: UnnamedObject): string {
  return `${lastModifiedMs} ${sizeBytes} ${etag}`;
}

/** What is known to be missing is no news, and no reason to doubt the listing again. */
function isNews({ isMissing }: LiveRow): boolean {
  return !isMissing;
}

function isTooMany(count: number, of: number): boolean {
  return count > MAX_PER_RUN || count > MAX_SHARE * of;
}

function stopForObjects(unconfirmed: number, scanned: number): Stop | undefined {
  if (!isTooMany(unconfirmed, scanned)) return undefined;
  return {
    code: 'too_many',
    detail:
      `${unconfirmed} of ${scanned} objects have no row in the database: more than uploads leave behind. ` +
      'None was deleted. Look at GET /api/v1/files/leftovers; if they may go, confirm this run.',
  };
}

function stopForMissing(absent: Found<LiveRow>, liveRows: number): Stop | undefined {
  const news = absent.count - absent.first.filter(({ isMissing }) => isMissing).length;
  if (!isTooMany(news, liveRows)) return undefined;
  return {
    code: 'too_many_missing',
    detail:
      `The objects of ${news} of ${liveRows} files and versions are not in the listing of the bucket. Nothing was deleted. ` +
      'Check that the bucket is the right one and whole.',
  };
}
