import type { FieldError } from '../../errors/stowage-error.js';
import {
  applyKeepPolicy,
  GENEROUS_KEEP_POLICY,
  KEEP_TIERS,
  type KeepDuration,
  type KeepPolicy,
  type KeepTier,
  WORKSPACE_KEEP_POLICY,
} from '../../snapshot-engine/index.js';

/** Policies by name. `default` keeps more, `compact` settles below 250 snapshots. */
export const KEEP_PRESETS = { default: GENEROUS_KEEP_POLICY, compact: WORKSPACE_KEEP_POLICY } as const;
export type KeepPreset = keyof typeof KEEP_PRESETS;

/** A keep policy on the wire. */
export interface KeepPolicyJson {
  counts?: Record<string, number>;
  within?: KeepDuration;
  tiers_within?: Record<string, KeepDuration>;
  tags?: string[][];
  newest?: number;
  time_zone?: string;
}

export type ReadKeepPolicy = { readonly policy: KeepPolicy } | { readonly errors: readonly FieldError[] };

const MAX_COUNT = 1_000_000;
const MAX_TAG_LISTS = 20;
const MAX_TAG_CHARS = 100;
const DURATION_PARTS: ReadonlySet<string> = new Set(['years', 'months', 'days', 'hours', 'minutes']);
const MEMBERS: ReadonlySet<string> = new Set([
  'counts',
  'within',
  'tiers_within',
  'tags',
  'newest',
  'time_zone',
]);
const TIER_BY_NAME: ReadonlyMap<string, KeepTier> = new Map(KEEP_TIERS.map((tier) => [tierName(tier), tier]));

export const KEEP_TIER_NAMES: readonly string[] = [...TIER_BY_NAME.keys()];

/** `fiveMinutely` is `five_minutely` on the wire. */
export function tierName(tier: KeepTier): string {
  return tier.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`);
}

/** The preset that a policy is, or its rules. */
export function keepPolicyJson(policy: KeepPolicy): KeepPreset | KeepPolicyJson {
  const text = canonical(policy);
  const preset = Object.entries(KEEP_PRESETS).find(([, rules]) => canonical(rules) === text);
  if (preset !== undefined) return preset[0] as KeepPreset;
  const { counts, within, tiersWithin, tags, newest, timeZone } = policy;
  return {
    ...(counts && { counts: byTierName(counts) }),
    ...(within && { within }),
    ...(tiersWithin && { tiers_within: byTierName(tiersWithin) }),
    ...(tags && { tags: tags.map((list) => [...list]) }),
    ...(newest !== undefined && { newest }),
    ...(timeZone !== undefined && { time_zone: timeZone }),
  };
}

/** Reads what a client sent; unknown members are errors, and the engine has the last word on sense. */
export function readKeepPolicy(value: unknown, pointer = '/keep_policy'): ReadKeepPolicy {
  if (typeof value === 'string') {
    if (Object.hasOwn(KEEP_PRESETS, value)) return { policy: KEEP_PRESETS[value as KeepPreset] };
    return wrong(pointer, `must be one of ${Object.keys(KEEP_PRESETS).join(', ')}, or rules`);
  }
  if (!isRecord(value)) return wrong(pointer, 'must be the name of a preset, or an object of rules');
  const errors = problemsOf(value, pointer);
  if (errors.length > 0) return { errors };
  const policy = policyOf(value);
  try {
    applyKeepPolicy([], policy, 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return wrong(pointer, error.message.replace(/\.$/, ''));
  }
  return { policy };
}

function policyOf(json: KeepPolicyJson): KeepPolicy {
  const { counts, within, tiers_within, tags, newest, time_zone } = json;
  return {
    ...(counts && { counts: byTier(counts) }),
    ...(within && { within }),
    ...(tiers_within && { tiersWithin: byTier(tiers_within) }),
    ...(tags && { tags }),
    ...(newest !== undefined && { newest }),
    ...(time_zone !== undefined && { timeZone: time_zone }),
  };
}

function problemsOf(value: Record<string, unknown>, pointer: string): FieldError[] {
  const errors: FieldError[] = [];
  const complain = (member: string, detail: string) => errors.push(problem(`${pointer}/${member}`, detail));
  for (const [name, member] of Object.entries(value)) {
    const complaint = MEMBERS.has(name) ? complaintOf(name, member) : 'is not a known field';
    if (complaint !== undefined) complain(name.slice(0, MAX_TAG_CHARS), complaint);
  }
  return errors;
}

function complaintOf(name: string, member: unknown): string | undefined {
  switch (name) {
    case 'counts':
      return isByTier(member, isCount) ? undefined : `must name ${tiers} with whole numbers, -1 for all`;
    case 'within':
      return isDuration(member) ? undefined : durationRule;
    case 'tiers_within':
      return isByTier(member, isDuration) ? undefined : `must name ${tiers}; each ${durationRule}`;
    case 'tags':
      return isTagLists(member) ? undefined : `must be at most ${MAX_TAG_LISTS} lists of tags`;
    case 'newest':
      return isCount(member) ? undefined : `must be a whole number from 1 to ${MAX_COUNT}`;
    default:
      return typeof member === 'string' && member.length <= MAX_TAG_CHARS ? undefined : 'must be a time zone';
  }
}

const tiers = `tiers (${KEEP_TIER_NAMES.join(', ')})`;
const durationRule = `must name ${[...DURATION_PARTS].join(', ')} with whole numbers from 0`;

function isByTier(value: unknown, isRule: (rule: unknown) => boolean): boolean {
  return (
    isRecord(value) && Object.entries(value).every(([name, rule]) => TIER_BY_NAME.has(name) && isRule(rule))
  );
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Math.abs(value as number) <= MAX_COUNT;
}

function isDuration(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const parts = Object.entries(value);
  return (
    parts.length > 0 && parts.every(([name, part]) => DURATION_PARTS.has(name) && Number.isInteger(part))
  );
}

function isTagLists(value: unknown): boolean {
  const isTag = (tag: unknown) => typeof tag === 'string' && tag !== '' && tag.length <= MAX_TAG_CHARS;
  return (
    Array.isArray(value) &&
    value.length <= MAX_TAG_LISTS &&
    value.every((list) => Array.isArray(list) && list.length <= MAX_TAG_LISTS && list.every(isTag))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function byTier<Rule>(rules: Readonly<Record<string, Rule>>): Partial<Record<KeepTier, Rule>> {
  return Object.fromEntries(Object.entries(rules).map(([name, rule]) => [TIER_BY_NAME.get(name)!, rule]));
}

function byTierName<Rule>(rules: Partial<Readonly<Record<KeepTier, Rule>>>): Record<string, Rule> {
  return Object.fromEntries(Object.entries(rules).map(([tier, rule]) => [tierName(tier as KeepTier), rule]));
}

/** The same text for the same rules, in whatever order PostgreSQL gives them back. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    isRecord(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

function wrong(pointer: string, detail: string): ReadKeepPolicy {
  return { errors: [problem(pointer, detail)] };
}

function problem(pointer: string, detail: string): FieldError {
  return { pointer, detail, code: 'keep_policy' };
}
