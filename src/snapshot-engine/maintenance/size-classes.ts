/**
 * So many small things of one size class are merged into one. Merging everything at every run would write the same
 * bytes again and again; in classes that grow by this factor a byte is rewritten once a class, and no class holds more
 * than this many: O'Neil et al., "The Log-Structured Merge-Tree" (1996), with size tiers.
 */
export const MERGE_FAN = 8;

/** The smallest class ends here. */
const FIRST_CLASS_BYTES = 4_096;

/** 0 for the smallest; sizes of one class differ by less than `MERGE_FAN`. */
export function sizeClass(size: number, firstClass: number): number {
  return size < firstClass ? 0 : Math.floor(Math.log(size / firstClass) / Math.log(MERGE_FAN)) + 1;
}

interface Mergeable {
  readonly id: string;
  readonly content: string;
  readonly usedBytes: number;
}

/** All packs of the classes that are full, smallest class first. Half of a full pack and more is not small. */
export function smallPacksToMerge<Pack extends Mergeable>(
  packs: readonly Pack[],
  targetPackBytes: number,
): Pack[] {
  const small = packs.filter(({ usedBytes }) => usedBytes < targetPackBytes / 2);
  return fullClasses(
    small,
    ({ content, usedBytes }) => `${sizeClass(usedBytes, FIRST_CLASS_BYTES)} ${content}`,
  );
}

/** Those whose class has `MERGE_FAN` members or more, in the order of their classes' names. */
export function fullClasses<Member extends { readonly id: string }>(
  members: readonly Member[],
  classOf: (member: Member) => string,
): Member[] {
  const classes = new Map<string, Member[]>();
  for (const member of members) {
    const name = classOf(member);
    const group = classes.get(name);
    if (group === undefined) classes.set(name, [member]);
    else group.push(member);
  }
  return [...classes]
    .filter(([, group]) => group.length >= MERGE_FAN)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([, group]) => group.sort((left, right) => (left.id < right.id ? -1 : 1)));
}
