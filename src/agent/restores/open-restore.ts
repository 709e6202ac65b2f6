import type { DesiredRestore, RepositoryAccess, RestoreGrant } from '../../agent-protocol/messages.js';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import {
  type BlobIndex,
  loadSnapshot,
  planRestore,
  type ProgressListener,
  Repository,
  restoreSnapshot,
  type RestoreResult,
  type StoredSnapshot,
} from '../../snapshot-engine/index.js';
import { BrokeredRepositoryFiles } from '../brokered-files/brokered-repository-files.js';
import type { HostServices } from '../host-services.js';

/** While the server is away a restore waits for it so long. */
const RESTORE_PATIENCE_MS = 60 * 60_000;

export interface RestoreCall {
  readonly into: DesiredRestore['destination'];
  readonly signal: AbortSignal;
  readonly onProgress?: ProgressListener;
}

type Summary = RestoreResult['summary'];

/** The repository of a restore that the server has given to this host, with its index and its snapshot. */
export class OpenRestore {
  readonly #services: HostServices;
  readonly #desired: DesiredRestore;
  readonly #repository: Repository;
  readonly #index: BlobIndex;
  readonly #snapshot: StoredSnapshot;

  private constructor(
    services: HostServices,
    desired: DesiredRestore,
    repository: Repository,
    index: BlobIndex,
    snapshot: StoredSnapshot,
  ) {
    this.#services = services;
    this.#desired = desired;
    this.#repository = repository;
    this.#index = index;
    this.#snapshot = snapshot;
  }

  /** Rejects with `snapshot_not_found`, a ServerRefusal or a StorageError. */
  static async open(
    services: HostServices,
    desired: DesiredRestore,
    signal: AbortSignal,
  ): Promise<OpenRestore> {
    const access: RepositoryAccess = { restore_id: desired.id };
    const { server, transfers, now } = services;
    const patience = { patienceMs: RESTORE_PATIENCE_MS, signal };
    const grant = await server.ask<RestoreGrant>(AGENT_PATHS.openForRestore, access, patience);
    const files = new BrokeredRepositoryFiles({
      transfers,
      placeOrders: (batch) => server.ask(AGENT_PATHS.orders, { access, ...batch }, patience),
      listFiles: (kind) => server.ask(AGENT_PATHS.listFiles, { access, kind }, patience),
    });
    const { master_key: masterKey, config } = grant.repository;
    const repository = Repository.fromGrant(files, { masterKey, config }, { now });
    const snapshot = await loadSnapshot(repository, desired.snapshot, { signal });
    const index = await repository.loadIndex({ signal });
    return new OpenRestore(services, desired, repository, index, snapshot);
  }

  /** What it would do, without doing it. */
  async plan(call: RestoreCall): Promise<Summary> {
    const { target } = this.#desired;
    return (await planRestore(this.#repository, this.#index, this.#snapshot, target, this.#run(call)))
      .summary;
  }

  restore(call: RestoreCall): Promise<RestoreResult> {
    const { target } = this.#desired;
    return restoreSnapshot(this.#repository, this.#index, this.#snapshot, target, this.#run(call));
  }

  #run({ into, signal, onProgress }: RestoreCall) {
    const { paths, mirror } = this.#desired;
    return {
      ...(paths.length > 0 && { paths: paths.map((path) => Buffer.from(path)) }),
      into,
      mirror: mirror && into === 'in-place' && this.#desired.destination === 'in-place',
      workers: this.#services.workers,
      signal,
      onProgress,
    };
  }
}
