import { describe, expect, it } from '@jest/globals';
import type { RunReport } from '../../agent-protocol/messages.js';
import { foldRuns, type KnownRun } from './fold-runs.js';

const NOW_MS = 1_800_000_000_000;
const KNOWN: KnownRun = { workspaceId: 'w', lastRunId: null, lastStatus: null, requestedRunId: null };

const run = (run_id: string, more: Partial<RunReport> = {}): RunReport => ({
  ...{ workspace_id: 'w', run_id, status: 'unchanged', started_ms_ago: 5_000, duration_ms: 1_000 },
  ...{ requests: 1, walk: 'changes', missed_changes: 0, problem_count: 0, problems: [], skipped_runs: 0 },
  ...more,
});

describe('reports of runs', () => {
  it('count once, whatever a repeated heartbeat repeats', () => {
    const [a, b, c] = [run('a'), run('b'), run('c')];
    expect(foldRuns({ ...KNOWN, lastRunId: 'c' }, [a, b, c], NOW_MS)).toBeUndefined();
    expect(foldRuns({ ...KNOWN, lastRunId: 'b' }, [a, b, c], NOW_MS)).toMatchObject({
      ...{ afterRunId: 'b', runs: 1, last: c },
    });
    expect(foldRuns({ ...KNOWN, lastRunId: 'z' }, [a, b, c], NOW_MS)).toMatchObject({ runs: 3 });
    expect(foldRuns(KNOWN, [], NOW_MS)).toBeUndefined();
  });

  it('tell when by the server’s clock, never of the future and no more than six hours back', () => {
    const last = (more: Partial<RunReport>) => foldRuns(KNOWN, [run('a', more)], NOW_MS)!.lastAtMs;
    expect(last({})).toBe(NOW_MS - 4_000);
    expect(last({ started_ms_ago: 0, duration_ms: 9_999 })).toBe(NOW_MS);
    expect(last({ started_ms_ago: Number.MAX_SAFE_INTEGER, duration_ms: 0 })).toBe(NOW_MS - 6 * 3_600_000);
  });

  it('leave the requests of a run with a snapshot to its commit', () => {
    const runs = [run('a', { requests: 3 }), run('b', { status: 'complete', snapshot: 's', requests: 9 })];
    expect(foldRuns(KNOWN, runs, NOW_MS)).toMatchObject({ requests: 3 });
  });

  it('name what may be durable: snapshots, and nothing changed since the newest', () => {
    const runs = [
      run('a', { status: 'failed' }),
      run('b', { status: 'partial', snapshot: 's' }),
      run('c', { status: 'complete' }),
      run('d', { started_ms_ago: 1_000 }),
    ];
    expect(foldRuns(KNOWN, runs, NOW_MS)!.durable).toEqual([
      { startedAtMs: NOW_MS - 5_000, snapshot: 's' },
      { startedAtMs: NOW_MS - 1_000, snapshot: undefined },
    ]);
  });

  it('tell the first of several failures, also when the one before is known already', () => {
    const failed = (id: string) => run(id, { status: 'failed' });
    const first = (known: Partial<KnownRun>, ...runs: RunReport[]) =>
      foldRuns({ ...KNOWN, ...known }, runs, NOW_MS)!.firstFailure?.run_id;
    expect(first({}, failed('a'), failed('b'))).toBe('a');
    expect(first({ lastStatus: 'failed' }, failed('a'), failed('b'))).toBeUndefined();
    expect(first({ lastStatus: 'failed' }, failed('a'), run('b'), failed('c'))).toBe('c');
    expect(first({}, run('a'))).toBeUndefined();
  });

  it('answer what is asked for now, not what was asked for before', () => {
    const asked = (requestedRunId: string | null) =>
      foldRuns({ ...KNOWN, requestedRunId }, [run('a', { requested_run_id: 'job' }), run('b')], NOW_MS)!
        .requested?.run_id;
    expect([asked('job'), asked('other'), asked(null)]).toEqual(['a', undefined, undefined]);
  });
});
