import type { DesiredState } from '../../agent-protocol/messages.js';
import { VERSION } from '../../config/version.js';
import type { HostServices } from '../host-services.js';
import { Restores } from '../restores/restores.js';
import { RunSlots } from '../workspaces/run-slots.js';
import { Workspaces } from '../workspaces/workspaces.js';
import { Heartbeats } from './heartbeats.js';
import { SyncLoop } from './sync-loop.js';

/** Workspaces that are looked at at the same time; more would only compete for disk and network. */
const MAX_RUNS_AT_ONCE = 4;
/** Of the last heartbeat before the end. */
const FAREWELL_MS = 5_000;

/** Everything that an agent does all the time: hears what is wanted, does it, tells what became of it. */
export class HostAgent {
  readonly workspaces: Workspaces;
  readonly restores: Restores;
  readonly #services: HostServices;
  readonly #sync: SyncLoop;
  readonly #heartbeats: Heartbeats;

  constructor(services: HostServices) {
    const { server, log, hostname } = services;
    const onNews = () => this.#heartbeats.nudge();
    this.#services = services;
    this.restores = new Restores(services, onNews);
    this.workspaces = new Workspaces({ services, slots: new RunSlots(MAX_RUNS_AT_ONCE), onNews });
    const platform = `${process.platform} ${process.arch}`;
    this.#sync = new SyncLoop({
      server,
      log,
      host: { hostname, platform, program_version: VERSION },
      apply: (state) => this.#apply(state),
    });
    this.#heartbeats = new Heartbeats({
      server,
      log,
      workspaces: this.workspaces,
      restores: this.restores,
      onRevision: (revision) => {
        if (revision !== this.#sync.revision) this.#sync.hurry();
      },
    });
  }

  /** Whether the server has told at least once what is wanted. */
  get isSynced(): boolean {
    return this.#sync.revision !== undefined;
  }

  /** Until the signal; rejects when the server has shut this host out. Leases have been given back when it ends. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const ended = AbortSignal.any([signal, failed.signal]);
    const heartbeats = this.#heartbeats.run(ended);
    try {
      await this.#sync.run(ended);
    } finally {
      failed.abort();
      await heartbeats;
      await Promise.all([this.workspaces.stop(), this.restores.stop()]);
      await this.#heartbeats.beat(AbortSignal.timeout(FAREWELL_MS)).catch(() => undefined);
    }
  }

  #apply({ workspaces, restores, revision }: DesiredState): void {
    const counts = { workspaces: workspaces.length, restores: restores.length };
    this.#services.log.info('wishes_heard', { revision, ...counts });
    this.workspaces.apply(workspaces);
    this.restores.apply(restores);
  }
}
