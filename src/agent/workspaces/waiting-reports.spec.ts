import { describe, expect, it } from '@jest/globals';
import { MAX_REPORTS } from '../../agent-protocol/protocol.js';
import { WaitingReports, type WaitingReport } from './waiting-reports.js';

function report(more: Partial<WaitingReport> = {}): WaitingReport {
  return {
    workspace_id: 'a',
    run_id: 'run',
    status: 'unchanged',
    startedAtMs: 0,
    duration_ms: 1,
    requests: 0,
    walk: 'changes',
    missed_changes: 0,
    problem_count: 0,
    problems: [],
    skipped_runs: 0,
    ...more,
  };
}

describe('reports that wait for the server', () => {
  it('say when their run began by the age that it has when they are sent', () => {
    const reports = new WaitingReports();
    reports.add(report({ startedAtMs: 1_000 }));
    expect(reports.take(4_500).reports).toMatchObject([{ started_ms_ago: 3_500 }]);
    expect(reports.take(4_500).reports[0]).not.toHaveProperty('startedAtMs');
  });

  it('wait until the server has heard them', () => {
    const reports = new WaitingReports();
    reports.add(report({ status: 'complete' }));
    const taken = reports.take(0);
    reports.add(report({ status: 'failed' }));
    expect(reports.take(0).reports).toHaveLength(2);
    taken.settle();
    expect(reports.take(0).reports.map(({ status }) => status)).toEqual(['failed']);
  });

  it('of runs that changed nothing are one, with all that was left out', () => {
    const reports = new WaitingReports();
    reports.add(report({ run_id: '1', skipped_runs: 1 }));
    reports.add(report({ run_id: 'other', workspace_id: 'b' }));
    reports.add(report({ run_id: '2', skipped_runs: 2 }));
    expect(reports.take(0).reports.map(({ run_id, skipped_runs }) => [run_id, skipped_runs])).toEqual([
      ['other', 0],
      ['2', 3],
    ]);
  });

  it('of runs that somebody asked for, or that have problems, are never folded', () => {
    const reports = new WaitingReports();
    reports.add(report({ requested_run_id: 'asked' }));
    reports.add(report());
    reports.add(report({ problem_count: 1 }));
    expect(reports.take(0).reports).toHaveLength(3);
  });

  it('are bounded, the newest stay, and are sent in portions', () => {
    const reports = new WaitingReports();
    for (let at = 0; at < 1_200; at += 1) reports.add(report({ status: 'failed', run_id: String(at) }));
    expect(reports.dropped).toBe(200);
    const { reports: taken } = reports.take(0);
    expect(taken).toHaveLength(MAX_REPORTS);
    expect(taken[0]!.run_id).toBe('200');
  });
});
