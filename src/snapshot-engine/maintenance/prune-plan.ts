import { smallPacksToMerge } from './size-classes.js';

/** What a look at all snapshots found out about one pack. */
export interface PackUse {
  readonly id: string;
  /** Of the stored file. */
  readonly sizeBytes: number;
  /** By its index entries; `unindexed`: no index names it. */
  readonly content: 'data' | 'tree' | 'mixed' | 'unindexed';
  /** Sealed bytes of blobs that a snapshot needs from this pack. */
  readonly usedBytes: number;
  /** Sealed bytes of the other blobs: no snapshot needs them, or another pack has them too. */
  readonly unusedBytes: number;
  /** Written so lately that whoever wrote it may not have made its snapshot yet: what is unused in it may be needed. */
  readonly young: boolean;
}

export interface PruneLimits {
  /** Unused bytes that may stay, as a part of the used ones. */
  readonly maxUnusedShare: number;
  /** Bytes read and written to repack, in one run; one pack always goes through. */
  readonly maxRepackBytes: number;
  /** A pack is full from here on. */
  readonly targetPackBytes: number;
}

export const PRUNE_LIMITS: PruneLimits = {
  maxUnusedShare: 0.05,
  maxRepackBytes: 1_024 * 1_024 * 1_024,
  targetPackBytes: 16 * 1_024 * 1_024,
};

/** What a prune will do; nothing else than this. */
export interface PrunePlan {
  /** Nothing in them is needed: they are doomed as they are. */
  readonly unused: readonly string[];
  /** Their needed blobs are copied to new packs, then they are doomed. */
  readonly repack: readonly string[];
  /** All others. */
  readonly keep: readonly string[];
  readonly unusedBytes: number;
  readonly repackBytes: number;
  /** Unused bytes in the packs that are kept. */
  readonly wasteBytes: number;
}

/** Pure. The answer does not depend on the order of `packs`. */
export function planPrune(packs: readonly PackUse[], limits: PruneLimits = PRUNE_LIMITS): PrunePlan {
  const settled = packs.filter(({ young, unusedBytes }) => !(young && unusedBytes > 0)).sort(byId);
  const unused = settled.filter(({ usedBytes }) => usedBytes === 0);
  const used = settled.filter(({ usedBytes }) => usedBytes > 0);
  const repack = withinBudget(candidates(used, limits), limits.maxRepackBytes);
  const leaving = new Set([...unused, ...repack].map(({ id }) => id));
  const kept = packs.filter(({ id }) => !leaving.has(id));
  return {
    unused: idsOf(unused),
    repack: idsOf([...repack].sort(byId)),
    keep: idsOf([...kept].sort(byId)),
    unusedBytes: sumOf(unused, 'sizeBytes'),
    repackBytes: sumOf(repack, 'usedBytes'),
    wasteBytes: sumOf(kept, 'unusedBytes'),
  };
}

/** Most urgent first: what other programs must not meet, what wastes most, then what is only small. */
function candidates(used: readonly PackUse[], limits: PruneLimits): PackUse[] {
  const mixed = used.filter(({ content }) => content === 'mixed');
  const wasteful = mostWasteful(
    used.filter(({ content }) => content !== 'mixed'),
    limits.maxUnusedShare,
  );
  const chosen = new Set([...mixed, ...wasteful]);
  const rest = used.filter((pack) => !chosen.has(pack));
  return [...chosen, ...smallPacksToMerge(rest, limits.targetPackBytes)];
}

/** The packs with the largest unused shares, until what the others waste is allowed. */
function mostWasteful(packs: readonly PackUse[], maxUnusedShare: number): PackUse[] {
  const allowedBytes = sumOf(packs, 'usedBytes') * maxUnusedShare;
  let wasteBytes = sumOf(packs, 'unusedBytes');
  const chosen: PackUse[] = [];
  for (const pack of [...packs].sort(byUnusedShare)) {
    if (wasteBytes <= allowedBytes || pack.unusedBytes === 0) break;
    chosen.push(pack);
    wasteBytes -= pack.unusedBytes;
  }
  return chosen;
}

/** The first always; then as many as the budget covers, in their order. */
function withinBudget(packs: readonly PackUse[], maxBytes: number): PackUse[] {
  let leftBytes = maxBytes;
  const chosen: PackUse[] = [];
  for (const pack of packs) {
    if (chosen.length > 0 && pack.usedBytes > leftBytes) break;
    leftBytes -= pack.usedBytes;
    chosen.push(pack);
  }
  return chosen;
}

function byUnusedShare(left: PackUse, right: PackUse): number {
  return unusedShare(right) - unusedShare(left) || byId(left, right);
}

function unusedShare({ usedBytes, unusedBytes }: PackUse): number {
  return unusedBytes / (usedBytes + unusedBytes);
}

function byId(left: PackUse, right: PackUse): number {
  return left.id < right.id ? -1 : 1;
}

function idsOf(packs: readonly PackUse[]): string[] {
  return packs.map(({ id }) => id);
}

function sumOf(packs: readonly PackUse[], key: 'sizeBytes' | 'usedBytes' | 'unusedBytes'): number {
  return packs.reduce((sum, pack) => sum + pack[key], 0);
}
