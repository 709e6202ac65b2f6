import { HEARTBEAT_SECONDS, OFFLINE_AFTER_SECONDS } from '../../agent-protocol/protocol.js';
import type { WorkspaceHealth } from '../../repositories/workspace-health.js';
import { spokenDuration } from './spoken-duration.js';

/** What of a workspace its health depends on. */
export interface HealthFacts {
  readonly paused: boolean;
  readonly intervalSeconds: number;
  /** Runs are due from then on. */
  readonly activeSinceMs: number;
  readonly lastDurableAtMs: number | undefined;
  readonly lastRun: LastRun | undefined;
  /** Whether the newest snapshot lacks files. */
  readonly isPartial: boolean;
  readonly agentName: string;
  readonly agentLastSeenAtMs: number | undefined;
  /** What is wrong with the repository itself, as a sentence: snapshots in it may not be whole. */
  readonly damage?: string;
  /** Why it could not be maintained, as a sentence: it grows, and no snapshot suffers. */
  readonly upkeepProblem?: string;
}

export interface LastRun {
  readonly status: 'complete' | 'partial' | 'unchanged' | 'failed';
  readonly code?: string;
  readonly detail?: string;
}

export interface HealthJudgement {
  readonly state: WorkspaceHealth;
  /** A sentence that says why, and what holds it up. */
  readonly reason: string;
  /** When it began, where that can be told from the facts. */
  readonly sinceMs?: number;
}

export const OFFLINE_AFTER_MS = OFFLINE_AFTER_SECONDS * 1_000;

/** What a run that found nothing new may take until the server hears of it. */
const REPORT_SLACK_MS = (HEARTBEAT_SECONDS + 10) * 1_000;

/** Failures that say that somebody else is at work. */
const LOCKED_CODES: ReadonlySet<string> = new Set(['lease_held', 'repository_locked']);

/** Two intervals, and what a report may be late. */
export function overdueAfterMs(intervalSeconds: number): number {
  return 2 * intervalSeconds * 1_000 + REPORT_SLACK_MS;
}

/**
 * Are we safe? What is worse wins, but a pause: `overdue` when the host is silent, then what the last run failed
 * with, then `overdue` for other reasons, then a damaged repository (`failed` as well), then `partial`.
 */
export function judgeHealth(facts: HealthFacts, nowMs: number): HealthJudgement {
  const { lastRun, intervalSeconds, lastDurableAtMs } = facts;
  if (facts.paused) return { state: 'paused', reason: `Somebody paused it. ${newestIs(facts, nowMs)}` };
  const staleAtMs = (lastDurableAtMs ?? 0) + overdueAfterMs(intervalSeconds);
  const dueAtMs = Math.max(staleAtMs, facts.activeSinceMs + overdueAfterMs(intervalSeconds));
  const isOverdue = nowMs > dueAtMs;
  const silence = silenceOf(facts, nowMs);
  if (isOverdue && silence !== undefined) return overdue(facts, dueAtMs, nowMs, silence);
  if (lastRun?.status === 'failed') return failed(facts, lastRun, nowMs);
  if (isOverdue) return overdue(facts, dueAtMs, nowMs, stillRunning(facts));
  if (facts.damage !== undefined) return damaged(facts, facts.damage, nowMs);
  if (nowMs > staleAtMs) return waiting(facts, nowMs, silence);
  if (facts.isPartial) {
    return { state: 'partial', reason: `Files could not be read. ${newestIs(facts, nowMs)}` };
  }
  return { state: 'protected', reason: `${newestIs(facts, nowMs)}${upkeep(facts)}` };
}

function overdue(facts: HealthFacts, sinceMs: number, nowMs: number, why: string): HealthJudgement {
  const due = `One is due every ${spokenDuration(facts.intervalSeconds * 1_000)}`;
  return { state: 'overdue', sinceMs, reason: `${newestIs(facts, nowMs)} ${due}; ${why}` };
}

function failed(facts: HealthFacts, { code, detail }: LastRun, nowMs: number): HealthJudgement {
  const state = code !== undefined && LOCKED_CODES.has(code) ? 'locked' : 'failed';
  const what = state === 'locked' ? 'Somebody else holds it' : 'The last run failed';
  const sentence = [`${what}${code === undefined ? '.' : ` (${code}).`}`, detail, newestIs(facts, nowMs)];
  return { state, reason: sentence.filter((part) => part !== undefined && part !== '').join(' ') };
}

/** Runs succeed, but what they rely on may be broken. */
function damaged(facts: HealthFacts, damage: string, nowMs: number): HealthJudgement {
  return {
    state: 'failed',
    reason: `Its repository is not as it must be: ${damage} ${newestIs(facts, nowMs)}`,
  };
}

function upkeep({ upkeepProblem }: HealthFacts): string {
  return upkeepProblem === undefined ? '' : ` Its repository waits for maintenance: ${upkeepProblem}`;
}

/** New, resumed or moved: too early for an alarm, and no reason to feel safe. */
function waiting(facts: HealthFacts, nowMs: number, silence: string | undefined): HealthJudgement {
  const what = silence ?? `the agent ${facts.agentName} is about to take one.`;
  const reason = `${newestIs(facts, nowMs)} It waits for its next snapshot: ${what}`;
  return { state: 'waiting', sinceMs: facts.activeSinceMs, reason };
}

/** Undefined while the agent is heard of. */
function silenceOf({ agentName, agentLastSeenAtMs }: HealthFacts, nowMs: number): string | undefined {
  if (agentLastSeenAtMs === undefined) return `the agent ${agentName} was never heard of.`;
  const silentMs = nowMs - agentLastSeenAtMs;
  if (silentMs <= OFFLINE_AFTER_MS) return undefined;
  return `the agent ${agentName} was last heard of ${spokenDuration(silentMs)} ago.`;
}

function stillRunning({ agentName, lastRun }: HealthFacts): string {
  return lastRun === undefined
    ? `the agent ${agentName} is there and its first run has not ended yet.`
    : `the agent ${agentName} is there and its run takes longer than that.`;
}

function newestIs({ lastDurableAtMs }: HealthFacts, nowMs: number): string {
  if (lastDurableAtMs === undefined) return 'There is no snapshot yet.';
  return `The newest state that can be restored is ${spokenDuration(nowMs - lastDurableAtMs)} old.`;
}
