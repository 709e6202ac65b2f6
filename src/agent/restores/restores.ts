import type { DesiredRestore, RestoreReport } from '../../agent-protocol/messages.js';
import { MAX_REPORTS } from '../../agent-protocol/protocol.js';
import type { HostServices } from '../host-services.js';
import { RunSlots } from '../workspaces/run-slots.js';
import { RestoreRecords } from './restore-records.js';
import { RestoreRunner } from './restore-runner.js';

/** Beside the runs of workspaces: who restores does not wait for snapshots. */
const MAX_AT_ONCE = 2;

/** The restores that the server wants from this host. */
export class Restores {
  readonly #services: HostServices;
  readonly #records: RestoreRecords;
  readonly #slots = new RunSlots(MAX_AT_ONCE);
  readonly #runners = new Map<string, RestoreRunner>();
  readonly #onNews: () => void;

  constructor(services: HostServices, onNews: () => void) {
    this.#services = services;
    this.#records = new RestoreRecords(services.dataDir);
    this.#onNews = onNews;
  }

  apply(desired: readonly DesiredRestore[]): void {
    const wanted = new Set(desired.map(({ id }) => id));
    for (const [id, runner] of this.#runners) {
      if (wanted.has(id)) continue;
      this.#runners.delete(id);
      void runner.stop();
    }
    this.#records.keep(wanted);
    for (const restore of desired) {
      const runner = this.#runners.get(restore.id);
      if (runner !== undefined) runner.update(restore);
      else this.#runners.set(restore.id, this.#runner(restore));
    }
  }

  /** What the server has not heard of. It is told again until `settle` is called. */
  take(): { readonly reports: readonly RestoreReport[]; settle(): void } {
    const told = [...this.#runners.values()].map((runner) => ({ runner, news: runner.news }));
    const news = told.filter(
      (each): each is typeof each & { news: RestoreReport } => each.news !== undefined,
    );
    news.splice(MAX_REPORTS);
    return {
      reports: news.map((each) => each.news),
      settle: () => news.forEach((each) => each.runner.told(each.news)),
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
  }

  #runner(restore: DesiredRestore): RestoreRunner {
    const { id: restore_id, workspace_id, target } = restore;
    this.#services.log.info('restore_added', { restore_id, workspace_id, target });
    return new RestoreRunner(restore, {
      services: this.#services,
      slots: this.#slots,
      records: this.#records,
      onNews: this.#onNews,
    });
  }
}
