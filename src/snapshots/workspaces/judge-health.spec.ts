import { describe, expect, it } from '@jest/globals';
import { type HealthFacts, judgeHealth, overdueAfterMs } from './judge-health.js';
import { spokenDuration } from './spoken-duration.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const ago = (seconds: number) => NOW - seconds * 1_000;

/** Saved 20 seconds ago by an agent that was heard of just now. */
const WELL: HealthFacts = {
  paused: false,
  intervalSeconds: 30,
  activeSinceMs: ago(86_400),
  lastDurableAtMs: ago(20),
  lastRun: { status: 'complete' },
  isPartial: false,
  agentName: 'gpu-7',
  agentLastSeenAtMs: ago(5),
};
const FAILED = { status: 'failed', code: 'storage_rate_limited', detail: 'Slow down.' } as const;

describe('the health of a workspace', () => {
  it.each<[string, Partial<HealthFacts>, string, RegExp]>([
    ['is protected while its newest state is young', {}, 'protected', /20 seconds old/],
    ['and while nothing changes', { lastRun: { status: 'unchanged' } }, 'protected', /20 seconds/],
    [
      'stays protected at exactly two intervals and the slack',
      { lastDurableAtMs: ago(90) },
      'protected',
      /90/,
    ],
    ['is overdue after that', { lastDurableAtMs: ago(91) }, 'overdue', /91 seconds.*run takes longer/],
    [
      'is overdue because of a silent host, whatever its last run said',
      { lastDurableAtMs: ago(600), agentLastSeenAtMs: ago(590), lastRun: FAILED },
      'overdue',
      /10 minutes old.*gpu-7 was last heard of 9 minutes ago/,
    ],
    ['is not overdue for a short silence', { agentLastSeenAtMs: ago(70) }, 'protected', /20/],
    ['is partial when files are missing', { isPartial: true }, 'partial', /could not be read/],
    [
      'is overdue before it is partial',
      { isPartial: true, lastDurableAtMs: ago(200) },
      'overdue',
      /3 minutes/,
    ],
    [
      'fails with its last run, at once',
      { lastRun: FAILED },
      'failed',
      /storage_rate_limited.*Slow down.*20 s/,
    ],
    ['fails before it is overdue', { lastRun: FAILED, lastDurableAtMs: ago(600) }, 'failed', /10 minutes/],
    ['fails without a code, too', { lastRun: { status: 'failed' } }, 'failed', /^The last run failed\. The/],
    [
      'is locked when another agent holds the lease',
      { lastRun: { status: 'failed', code: 'lease_held' } },
      'locked',
      /lease_held/,
    ],
    [
      'is locked when another program holds the repository',
      { lastRun: { status: 'failed', code: 'repository_locked' } },
      'locked',
      /repository_locked/,
    ],
    [
      'fails when its repository is damaged, although runs succeed',
      { damage: 'Pack 5d1f is damaged.', isPartial: true, upkeepProblem: 'Pack 5d1f is damaged.' },
      'failed',
      /^Its repository is not as it must be: Pack 5d1f is damaged\. The newest/,
    ],
    [
      'says first why the last run failed',
      { damage: 'x', lastRun: FAILED },
      'failed',
      /^The last run failed/,
    ],
    [
      'stays protected while its upkeep waits, and says why',
      { upkeepProblem: 'Locked by ada.' },
      'protected',
      /20 seconds old\. Its repository waits for maintenance: Locked by ada\.$/,
    ],
    ['is paused whatever else is wrong', { paused: true, lastRun: FAILED }, 'paused', /paused it/],
    [
      'is waiting before its first run',
      { lastDurableAtMs: undefined, lastRun: undefined, activeSinceMs: ago(10) },
      'waiting',
      /about to take/,
    ],
    [
      'tells while it waits that the host was never heard of',
      {
        lastDurableAtMs: undefined,
        lastRun: undefined,
        activeSinceMs: ago(10),
        agentLastSeenAtMs: undefined,
      },
      'waiting',
      /never heard of/,
    ],
    [
      'does not wait for ever',
      { lastDurableAtMs: undefined, lastRun: undefined, activeSinceMs: ago(100) },
      'overdue',
      /no snapshot yet.*first run has not ended/,
    ],
    [
      'fails before its first snapshot',
      { lastDurableAtMs: undefined, lastRun: FAILED, activeSinceMs: ago(10) },
      'failed',
      /no snapshot yet/,
    ],
    [
      'has time again when it is resumed',
      { lastDurableAtMs: ago(7_200), activeSinceMs: ago(10) },
      'waiting',
      /2 hours old.*next snapshot/,
    ],
    [
      'is overdue early with a short interval',
      { intervalSeconds: 5, lastDurableAtMs: ago(41) },
      'overdue',
      /5 seconds/,
    ],
  ])('%s', (_, facts, state, reason) => {
    const judged = judgeHealth({ ...WELL, ...facts }, NOW);
    expect([judged.state, judged.reason]).toEqual([state, expect.stringMatching(reason)]);
  });

  it('says since when it is overdue', () => {
    const lastDurableAtMs = ago(1_000);
    expect(judgeHealth({ ...WELL, lastDurableAtMs }, NOW).sinceMs).toBe(lastDurableAtMs + overdueAfterMs(30));
  });
});

it.each([
  [-5, '0 seconds'],
  [1_999, '1 second'],
  [119_999, '119 seconds'],
  [120_000, '2 minutes'],
  [7_199_999, '119 minutes'],
  [7_200_000, '2 hours'],
  [172_800_000, '2 days'],
])('%i ms is spoken as %s', (durationMs, spoken) => expect(spokenDuration(durationMs)).toBe(spoken));
