import type { DesiredWorkspace, LeaseHold } from '../../agent-protocol/messages.js';
import type { RunSlots } from './run-slots.js';
import type { HostServices } from '../host-services.js';
import { type RunnerStatus, WorkspaceRunner } from './workspace-runner.js';
import { WaitingReports, type WaitingReport } from './waiting-reports.js';

export interface WorkspacesOptions {
  readonly services: HostServices;
  readonly slots: RunSlots;
  /** Somebody should hear of a run soon. */
  readonly onNews: () => void;
}

/** The workspaces that this host snapshots now. */
export class Workspaces {
  readonly reports = new WaitingReports();
  readonly #options: WorkspacesOptions;
  readonly #runners = new Map<string, WorkspaceRunner>();
  readonly #stopping = new Map<string, Promise<void>>();

  constructor(options: WorkspacesOptions) {
    this.#options = options;
  }

  /** Starts what is new, tells the others what they shall do now, stops what is not named. */
  apply(desired: readonly DesiredWorkspace[]): void {
    const wanted = new Set(desired.map(({ id }) => id));
    for (const id of this.#runners.keys()) if (!wanted.has(id)) this.#stop(id);
    for (const workspace of desired) {
      const runner = this.#runners.get(workspace.id);
      if (runner !== undefined) runner.update(workspace);
      else this.#start(workspace);
    }
  }

  get holds(): LeaseHold[] {
    return [...this.#runners.values()].map(({ hold }) => hold).filter((hold) => hold !== undefined);
  }

  /** Those of `asked` that are not in `renewed` are lost. */
  renewed(asked: readonly LeaseHold[], renewed: readonly LeaseHold[]): void {
    const kept = new Set(renewed.map(nameOf));
    for (const hold of asked) {
      if (!kept.has(nameOf(hold))) this.#runners.get(hold.workspace_id)?.loseLease(hold.fencing);
    }
  }

  /** By id or name; the only one when nothing is said. */
  find(name: string | undefined): WorkspaceRunner[] {
    const all = [...this.#runners.values()];
    if (name === undefined) return all;
    return all.filter(({ desired }) => desired.id === name || desired.name === name);
  }

  status(): RunnerStatus[] {
    return [...this.#runners.values()].map((runner) => runner.status());
  }

  async stop(): Promise<void> {
    for (const id of [...this.#runners.keys()]) this.#stop(id);
    await Promise.all(this.#stopping.values());
  }

  #start(workspace: DesiredWorkspace): void {
    const onReport = (report: WaitingReport) => this.#report(report);
    const { services, slots } = this.#options;
    services.log.info('workspace_added', { workspace_id: workspace.id, path: workspace.path });
    this.#runners.set(workspace.id, new WorkspaceRunner(workspace, { services, slots, onReport }));
  }

  #stop(id: string): void {
    const runner = this.#runners.get(id)!;
    this.#runners.delete(id);
    this.reports.forget(id);
    const stopping = runner.stop().finally(() => this.#stopping.delete(id));
    this.#stopping.set(id, stopping);
  }

  #report(report: WaitingReport): void {
    this.reports.add(report);
    const { services, onNews } = this.#options;
    const { workspace_id, status, snapshot, duration_ms, requests, code } = report;
    const facts = { workspace_id, status, snapshot, duration_ms, requests, code };
    if (status === 'unchanged') services.log.debug('run_finished', facts);
    else services.log.info('run_finished', facts);
    if (status !== 'unchanged' || report.requested_run_id !== undefined) onNews();
  }
}

function nameOf({ workspace_id: workspaceId, fencing }: LeaseHold): string {
  return `${workspaceId} ${fencing}`;
}
