import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planDeletions, gracePeriodMs, MIN_GRACE_MS } from './deletion-plan.js';
import { planIndexes, type IndexUse } from './index-plan.js';
import { planPrune, PRUNE_LIMITS, type PackUse } from './prune-plan.js';
import { MERGE_FAN } from './size-classes.js';

const MIB = 1_024 * 1_024;

const pack = (id: string, usedBytes: number, unusedBytes: number, more: Partial<PackUse> = {}): PackUse => ({
  id,
  sizeBytes: usedBytes + unusedBytes + 100,
  content: 'data',
  usedBytes,
  unusedBytes,
  young: false,
  ...more,
});

describe('planPrune', () => {
  it('dooms what nobody needs, and leaves alone what is full and used', () => {
    const plan = planPrune([
      pack('a', 0, MIB),
      pack('b', 16 * MIB, 0),
      pack('c', 0, 5, { content: 'unindexed' }),
    ]);
    expect(plan).toEqual({
      unused: ['a', 'c'],
      repack: [],
      keep: ['b'],
      unusedBytes: MIB + 205,
      repackBytes: 0,
      wasteBytes: 0,
    });
  });

  it('lets nothing go that has only just been written, but merges what is needed', () => {
    const young = { young: true } as const;
    const plan = planPrune([pack('a', 0, MIB, young), pack('b', 1, MIB, young)]);
    expect(plan).toMatchObject({ unused: [], repack: [], keep: ['a', 'b'], wasteBytes: 2 * MIB });
    const needed = Array.from({ length: MERGE_FAN }, (_, at) => pack(`p${at}`, 1_000, 0, young));
    expect(planPrune(needed).repack).toHaveLength(MERGE_FAN);
  });

  it('repacks the most wasteful packs until the rest wastes little', () => {
    const plan = planPrune([
      pack('full', 160 * MIB, 0),
      pack('tenth', 14 * MIB, 2 * MIB),
      pack('half', 8 * MIB, 8 * MIB),
      pack('most', 2 * MIB, 14 * MIB),
    ]);
    expect(plan).toMatchObject({ repack: ['half', 'most'], keep: ['full', 'tenth'], wasteBytes: 2 * MIB });
  });

  it('repacks packs of both kinds of blobs first, and no more than its budget', () => {
    const packs = [
      pack('mixed', 8 * MIB, 0, { content: 'mixed' }),
      pack('waste', 8 * MIB, 8 * MIB),
      pack('other', 8 * MIB, 8 * MIB),
    ];
    expect(planPrune(packs, { ...PRUNE_LIMITS, maxRepackBytes: 1 }).repack).toEqual(['mixed']);
    expect(planPrune(packs, { ...PRUNE_LIMITS, maxRepackBytes: 16 * MIB }).repack).toEqual([
      'mixed',
      'other',
    ]);
  });

  it('merges small packs of one kind and size once there are enough of them', () => {
    const small = (count: number, content: 'data' | 'tree') =>
      Array.from({ length: count }, (_, at) => pack(`${content}${at}`, 1_000 + at, 0, { content }));
    const plan = planPrune([
      ...small(MERGE_FAN, 'data'),
      ...small(MERGE_FAN - 1, 'tree'),
      pack('x', 9 * MIB, 0),
    ]);
    expect(plan.repack).toEqual(small(MERGE_FAN, 'data').map(({ id }) => id));
  });

  it('keeps months of small packs to a few, rewriting each byte a few times', () => {
    let packs: PackUse[] = [];
    let rewrittenBytes = 0;
    let most = 0;
    const runs = 1_000;
    for (let run = 0; run < runs; run += 1) {
      for (let at = 0; at < 20; at += 1) packs.push(pack(`${run}.${at}`, 3_000, 0));
      const { repack, repackBytes } = planPrune(packs);
      rewrittenBytes += repackBytes;
      packs = packs.filter(({ id }) => !repack.includes(id));
      if (repackBytes > 0) packs.push(pack(`merged ${run}`, repackBytes, 0));
      most = Math.max(most, packs.length);
    }
    expect(most).toBeLessThan(60);
    expect(rewrittenBytes / (runs * 20 * 3_000)).toBeLessThan(6);
  });

  it('puts each pack in one place, whatever it is given', () => {
    const somePack = fc.record({
      content: fc.constantFrom('data', 'tree', 'mixed', 'unindexed'),
      usedBytes: fc.oneof(fc.constant(0), fc.nat(20 * MIB)),
      unusedBytes: fc.nat(20 * MIB),
      young: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(somePack, { maxLength: 60 }), fc.nat(100 * MIB), (uses, maxRepackBytes) => {
        const packs = uses.map((use, at) => pack(String(at), use.usedBytes, use.unusedBytes, use as PackUse));
        const limits = { ...PRUNE_LIMITS, maxRepackBytes };
        const plan = planPrune(packs, limits);
        expect(planPrune([...packs].reverse(), limits)).toEqual(plan);
        expect([...plan.unused, ...plan.repack, ...plan.keep].sort()).toEqual(
          packs.map(({ id }) => id).sort(),
        );
        for (const { id, young, usedBytes, unusedBytes } of packs) {
          if (young && unusedBytes > 0) expect(plan.keep).toContain(id);
          if (usedBytes > 0) expect(plan.unused).not.toContain(id);
        }
        if (plan.repack.length > 1) expect(plan.repackBytes).toBeLessThanOrEqual(maxRepackBytes);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe('planIndexes', () => {
  const index = (id: string, packs: string[], blobCount = 30_000): IndexUse => ({ id, packs, blobCount });
  const nothing = { without: new Set<string>(), anew: new Set<string>(), fullBlobCount: 50_000 };

  it('leaves alone what it need not touch', () => {
    expect(planIndexes([index('i', ['a']), index('j', ['b'])], nothing)).toEqual({ replace: [], packs: [] });
  });

  it('writes anew what is left of the files that name a doomed or rescued pack', () => {
    const plan = planIndexes([index('i', ['a', 'b']), index('j', ['c']), index('k', ['d', 'e'])], {
      ...nothing,
      without: new Set(['a']),
      anew: new Set(['d', 'new']),
    });
    expect(plan).toEqual({ replace: ['i', 'k'], packs: ['b', 'd', 'e', 'new'] });
  });

  it('replaces files that share a pack, because one of them may be on its way out', () => {
    expect(planIndexes([index('i', ['a', 'b']), index('j', ['b']), index('k', ['c'])], nothing)).toEqual({
      replace: ['i', 'j'],
      packs: ['a', 'b'],
    });
  });

  it('merges small files when there are enough of one size', () => {
    const small = Array.from({ length: MERGE_FAN }, (_, at) => index(`i${at}`, [`p${at}`], 3));
    expect(planIndexes(small.slice(1), nothing).replace).toEqual([]);
    expect(planIndexes([...small, index('full', ['q'])], nothing)).toEqual({
      replace: small.map(({ id }) => id),
      packs: small.flatMap(({ packs }) => packs),
    });
  });

  it('never loses a pack and never names one that goes', () => {
    const packIds = fc.subarray(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    const someIndexes = fc.array(fc.record({ packs: packIds, blobCount: fc.nat(60_000) }), { maxLength: 30 });
    fc.assert(
      fc.property(someIndexes, packIds, packIds, (indexes, without, anew) => {
        const files = indexes.map((each, at) => ({ id: String(at), ...each }));
        const gone = new Set(without.filter((id) => !anew.includes(id)));
        const plan = planIndexes(files, { without: gone, anew: new Set(anew), fullBlobCount: 50_000 });
        const left = files.filter(({ id }) => !plan.replace.includes(id)).flatMap(({ packs }) => packs);
        const before = new Set([...files.flatMap(({ packs }) => packs), ...anew]);
        const after = [...left, ...plan.packs];
        expect(new Set(after)).toEqual(new Set([...before].filter((id) => !gone.has(id))));
        expect(new Set(after).size).toBe(after.length);
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});

describe('planDeletions', () => {
  const limits = { graceMs: 100, maxDeletedShare: 0.05 };
  const doomed = (id: string, sinceMs: number) => ({ id, sinceMs, generation: 1 });
  const spared = (id: string) => id.startsWith('spared');

  it('deletes what has been doomed for long enough, oldest first, and at most a part of all packs', () => {
    const packs = [
      doomed('c', 300),
      doomed('b', 200),
      doomed('a', 100),
      doomed('spared', 0),
      doomed('new', 950),
    ];
    expect(planDeletions(packs, { nowMs: 1_000, packCount: 200, spared }, limits)).toEqual(['a', 'b', 'c']);
    expect(planDeletions(packs, { nowMs: 1_000, packCount: 40, spared }, limits)).toEqual(['a', 'b']);
    expect(planDeletions(packs, { nowMs: 1_000, packCount: 3, spared }, limits)).toEqual(['a']);
    expect(planDeletions(packs, { nowMs: 199, packCount: 200, spared }, limits)).toEqual([]);
  });

  it('waits for a day, and longer for slow writers', () => {
    expect(gracePeriodMs({ maxSessionMs: 60_000, maxRequestMs: 900_000 })).toBe(MIN_GRACE_MS);
    expect(gracePeriodMs({ maxSessionMs: 30 * 3_600_000, maxRequestMs: 3_600_000 })).toBe(
      32 * 3_600_000 + 600_000,
    );
  });
});
