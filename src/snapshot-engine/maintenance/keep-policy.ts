import { BUCKET_OF, KEEP_TIERS, type KeepTier } from './keep-tiers.js';
import { TimeZone } from './time-zone.js';

/** A length of time by the calendar, as restic's `1y2m3d4h`; all parts are at least 0. */
export interface KeepDuration {
  readonly years?: number;
  readonly months?: number;
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
}

/**
 * What to keep. A snapshot stays when any rule wants it; a policy without rules keeps everything. The rules that restic
 * has (all but the two of minutes) choose the same snapshots as its `forget --keep-…`.
 */
export interface KeepPolicy {
  /** For so many of the newest minutes, hours, … that have a snapshot, the newest one in each; -1: for all of them. */
  readonly counts?: Partial<Readonly<Record<KeepTier, number>>>;
  /** Everything that is at most so much older than the newest snapshot. */
  readonly within?: KeepDuration;
  /** Of what is at most so much older than the newest snapshot, the newest in each minute, hour, … */
  readonly tiersWithin?: Partial<Readonly<Record<KeepTier, KeepDuration>>>;
  /** Snapshots that have all tags of one of these lists. */
  readonly tags?: readonly (readonly string[])[];
  /** So many newest ones stay whatever the rules say; at least 1, `MIN_NEWEST` when absent. */
  readonly newest?: number;
  /** Where days begin, from the IANA database; UTC when absent. */
  readonly timeZone?: string;
}

export interface KeepCandidate {
  readonly id: string;
  /** When the server received it: what a client says about time could make its history vanish. */
  readonly receivedAtMs: number;
  readonly tags?: readonly string[];
  /** Protected by a user; stays. */
  readonly protected?: boolean;
}

export type KeepReason =
  | KeepTier
  | `oldest ${KeepTier}`
  | `within ${KeepTier}`
  | `oldest within ${KeepTier}`
  | 'within'
  | 'tags'
  | 'protected'
  | 'newest'
  | 'no rule';

export interface KeepDecision {
  readonly id: string;
  /** Why it stays, in the order of the rules; empty: nothing wants it. */
  readonly reasons: readonly KeepReason[];
}

/** So many newest snapshots stay when a policy does not say how many. */
export const MIN_NEWEST = 3;

/** Of years, months, …: far more than is of use, far less than what dates can hold. */
const MAX_DURATION_PART = 100_000;

/**
 * Decides about the snapshots of one group (a workspace; with restic, a host and its paths). Answers newest first.
 * `nowMs`: snapshots from the future do not count as the newest that `within` looks back from. Throws a RangeError
 * for a policy that makes no sense.
 */
export function applyKeepPolicy(
  snapshots: readonly KeepCandidate[],
  policy: KeepPolicy,
  nowMs: number,
): KeepDecision[] {
  assertSensible(policy);
  const ordered = [...snapshots].sort(
    (left, right) => right.receivedAtMs - left.receivedAtMs || (left.id < right.id ? -1 : 1),
  );
  const rules = rulesOf(policy, ordered, nowMs);
  return ordered.map((snapshot, at) => ({
    id: snapshot.id,
    reasons: rules.map((rule) => rule(snapshot, at)).filter((reason) => reason !== undefined),
  }));
}

/** Asked once a snapshot, newest first: may count. */
type Rule = (snapshot: KeepCandidate, at: number) => KeepReason | undefined;

function rulesOf(policy: KeepPolicy, ordered: readonly KeepCandidate[], nowMs: number): Rule[] {
  const rules = [...taggedRules(policy), ...timeRules(policy, ordered, nowMs)];
  if (rules.length === 0) return [() => 'no rule'];
  const newest = policy.newest ?? MIN_NEWEST;
  return [
    ...rules,
    ({ protected: kept }) => (kept ? 'protected' : undefined),
    (_snapshot, at) => (at < newest ? 'newest' : undefined),
  ];
}

function timeRules(policy: KeepPolicy, ordered: readonly KeepCandidate[], nowMs: number): Rule[] {
  const { counts = {}, tiersWithin = {}, within, timeZone = 'UTC' } = policy;
  const zone = new TimeZone(timeZone);
  const latestMs = ordered.find(({ receivedAtMs }) => receivedAtMs < nowMs)?.receivedAtMs ?? -Infinity;
  const last = ordered.length - 1;
  const sinceMs = within && before(latestMs, within, zone);
  return [
    ...(sinceMs === undefined ? [] : [everythingRule(sinceMs)]),
    ...KEEP_TIERS.filter((tier) => counts[tier]).map((tier) => countRule(tier, counts[tier]!, zone, last)),
    ...KEEP_TIERS.filter((tier) => tiersWithin[tier]).map((tier) =>
      withinRule(tier, before(latestMs, tiersWithin[tier]!, zone), zone, last),
    ),
  ];
}

function everythingRule(sinceMs: number): Rule {
  return ({ receivedAtMs }) => (receivedAtMs > sinceMs ? 'within' : undefined);
}

function taggedRules({ tags: lists = [] }: KeepPolicy): Rule[] {
  if (lists.length === 0) return [];
  return [
    ({ tags = [] }) => (lists.some((list) => list.every((tag) => tags.includes(tag))) ? 'tags' : undefined),
  ];
}

/** While its count lasts, a tier also keeps the very oldest snapshot, so that the history reaches back as far as it can. */
function countRule(tier: KeepTier, count: number, zone: TimeZone, last: number): Rule {
  let left = count;
  let previous: number | undefined;
  return ({ receivedAtMs }, at) => {
    if (left === 0) return undefined;
    const bucket = BUCKET_OF[tier](zone.wallMs(receivedAtMs), at);
    if (bucket === previous && at !== last) return undefined;
    const reason = bucket === previous ? (`oldest ${tier}` as const) : tier;
    previous = bucket;
    if (left > 0) left -= 1;
    return reason;
  };
}

function withinRule(tier: KeepTier, sinceMs: number, zone: TimeZone, last: number): Rule {
  let previous: number | undefined;
  return ({ receivedAtMs }, at) => {
    if (receivedAtMs <= sinceMs) return undefined;
    const bucket = BUCKET_OF[tier](zone.wallMs(receivedAtMs), at);
    if (bucket === previous) return at === last ? `oldest within ${tier}` : undefined;
    previous = bucket;
    return `within ${tier}`;
  };
}

/** As Go's `AddDate`: a day that the month does not have becomes one of the next month. */
function before(timeMs: number, duration: KeepDuration, zone: TimeZone): number {
  if (timeMs === -Infinity) return timeMs;
  const { years = 0, months = 0, days = 0, hours = 0, minutes = 0 } = duration;
  const wall = new Date(zone.wallMs(timeMs));
  wall.setUTCFullYear(wall.getUTCFullYear() - years, wall.getUTCMonth() - months, wall.getUTCDate() - days);
  return zone.timeMs(wall.getTime()) - (hours * 60 + minutes) * 60_000;
}

function assertSensible(policy: KeepPolicy): void {
  for (const [tier, count] of Object.entries(policy.counts ?? {})) {
    if (!Number.isInteger(count) || count < -1) throw new RangeError(`${tier} must be -1 or a whole number.`);
  }
  for (const duration of [policy.within ?? {}, ...Object.values(policy.tiersWithin ?? {})]) {
    assertDuration(duration);
  }
  const { newest = MIN_NEWEST, tags = [] } = policy;
  if (!Number.isInteger(newest) || newest < 1) {
    throw new RangeError('At least one of the newest snapshots must stay.');
  }
  if (tags.some((list) => list.length === 0)) throw new RangeError('A list of tags must not be empty.');
}

function assertDuration(duration: KeepDuration): void {
  for (const part of Object.values(duration) as number[]) {
    if (!Number.isInteger(part) || part < 0 || part > MAX_DURATION_PART) {
      throw new RangeError(`Durations consist of whole numbers from 0 to ${MAX_DURATION_PART}.`);
    }
  }
}
