import { fullClasses, sizeClass } from './size-classes.js';

/** An index file and what it names. */
export interface IndexUse {
  readonly id: string;
  readonly packs: readonly string[];
  readonly blobCount: number;
}

export interface IndexPlan {
  /** Index files that go, once what is left of them has been written anew. */
  readonly replace: readonly string[];
  /** Packs to be named by new index files; ascending. */
  readonly packs: readonly string[];
}

export interface IndexChange {
  /** No index may name these any longer. */
  readonly without: ReadonlySet<string>;
  /** A new index must name these, whether an old one does or not. */
  readonly anew: ReadonlySet<string>;
  /** The number of blobs from which on an index file is full. */
  readonly fullBlobCount: number;
}

/**
 * Pure. An old index file stays as it is only if nobody can be about to remove it: a run that was killed may have
 * asked for a removal that arrives late. Such a run had written a new index with the packs that stay (so the two files
 * share a pack) or had doomed all of them (`without`, or `anew` when they are rescued). So what shares a pack with
 * another file, or names one of `without` or `anew`, is replaced. Small files are merged when there are many.
 */
export function planIndexes(indexes: readonly IndexUse[], change: IndexChange): IndexPlan {
  const times = new Map<string, number>();
  for (const pack of indexes.flatMap(({ packs }) => [...new Set(packs)])) {
    times.set(pack, (times.get(pack) ?? 0) + 1);
  }
  const stale = indexes.filter(
    ({ packs }) =>
      packs.length === 0 ||
      packs.some((pack) => change.without.has(pack) || change.anew.has(pack) || times.get(pack)! > 1),
  );
  const replaced = new Set([...stale, ...smallOnes(indexes, stale, change.fullBlobCount)]);
  const packs = new Set(change.anew);
  for (const pack of [...replaced].flatMap((index) => index.packs)) {
    if (!change.without.has(pack)) packs.add(pack);
  }
  return { replace: [...replaced].map(({ id }) => id).sort(), packs: [...packs].sort() };
}

/** The smallest class of index files ends at so many blobs. */
const FIRST_CLASS_BLOBS = 16;

function smallOnes(
  indexes: readonly IndexUse[],
  stale: readonly IndexUse[],
  fullBlobCount: number,
): IndexUse[] {
  const small = indexes.filter((index) => index.blobCount < fullBlobCount / 2 && !stale.includes(index));
  return fullClasses(small, ({ blobCount }) => String(sizeClass(blobCount, FIRST_CLASS_BLOBS)));
}
