import type {
  DesiredWorkspace,
  LeaseGrant,
  LeaseHold,
  OrderRequest,
  StoreIndexRequest,
} from '../../agent-protocol/messages.js';
import { AGENT_PATHS } from '../../agent-protocol/protocol.js';
import {
  archiveTarget,
  type BlobIndex,
  type CommitSnapshot,
  isRepositoryError,
  loadSnapshot,
  type Progress,
  Repository,
  type Snapshot,
  WorkspaceArchiver,
  type WorkspaceResult,
} from '../../snapshot-engine/index.js';
import { BrokeredRepositoryFiles } from '../brokered-files/brokered-repository-files.js';
import type { UploadPace } from '../brokered-files/upload-pace.js';
import type { HostServices } from '../host-services.js';
import { policyOf } from './workspace-policy.js';

/** While the server is away, what a run has begun waits for it so long; the next run goes on from there. */
export const RUN_PATIENCE_MS = 60 * 60_000;
/** Of one attempt: the server waits for a large index file on a slow line as long as this. */
const STORE_INDEX_MS = 11 * 60_000;

/**
 * What is read again of a workspace although its last snapshot names it: all that changed so shortly before that
 * snapshot's time, which is by the server's clock, that it may have changed after it was read.
 */
const PARENT_MARGIN_MS = 60_000;

/** What a host that is taken away in its first run may have stored in vain: nobody finds packs that no index lists. */
const MAX_UNLISTED_BYTES = 1_024 ** 3;

export interface OpenWorkspaceOptions {
  readonly services: HostServices;
  readonly pace: UploadPace;
  readonly commit: CommitSnapshot;
  readonly onStored: (id: string) => void;
  readonly onProgress: (progress: Progress) => void;
  /** By which lease; asked before every request. Throws `lease_lost`. */
  readonly access: () => LeaseHold;
  /** Ends when the workspace is none of this host's any longer. */
  readonly signal: AbortSignal;
}

interface Parent {
  readonly id: string;
  readonly snapshot: Snapshot;
}

/** A workspace's repository as it was when the lease was taken, and what stays in memory between runs. */
export class OpenWorkspace {
  /** What has been stored may only be relied on as long as the repository's is the same. */
  readonly generation: number;
  /** The newest snapshot that this index knows of. */
  latest: string | null;
  readonly #options: OpenWorkspaceOptions;
  readonly #repository: Repository;
  readonly #index: BlobIndex;
  #parent: Parent | undefined;
  #archiver: WorkspaceArchiver | undefined;
  /** What the archiver was made for. */
  #made = '';

  private constructor(
    options: OpenWorkspaceOptions,
    grant: LeaseGrant,
    repository: Repository,
    index: BlobIndex,
    parent: Parent | undefined,
  ) {
    this.#options = options;
    this.generation = grant.generation;
    this.latest = grant.latest_snapshot;
    this.#repository = repository;
    this.#index = index;
    this.#parent = parent;
  }

  /** Loads the index and the newest snapshot, which the first run is compared with. */
  static async open(
    options: OpenWorkspaceOptions,
    grant: LeaseGrant,
    signal: AbortSignal,
  ): Promise<OpenWorkspace> {
    const { now } = options.services;
    const { master_key: masterKey, config } = grant.repository;
    const repository = Repository.fromGrant(filesOf(options), { masterKey, config }, { now });
    // Snapshots before the index, so that it knows all that they need.
    const parent = await loadParent(repository, grant, options.services, signal);
    const index = await repository.loadIndex({ signal });
    // Until a prune has replaced the index files, they name what it has doomed.
    for (const packId of grant.doomed) index.removePack(packId);
    return new OpenWorkspace(options, grant, repository, index, parent);
  }

  /** Whether a snapshot may rely on this file. */
  knows(id: string): boolean {
    return this.#index.hasPack(id) || this.#index.files.has(id);
  }

  /** One snapshot, if anything has changed; fails as WorkspaceArchiver does. */
  async run(desired: DesiredWorkspace, signal: AbortSignal): Promise<WorkspaceResult> {
    const archiver = await this.#archiverFor(desired);
    return archiver.run({ signal });
  }

  /** What the next archiver is compared with, when another policy needs another one. */
  committed(id: string, snapshot: Snapshot): void {
    this.latest = id;
    this.#parent = { id, snapshot };
  }

  async close(): Promise<void> {
    await this.#archiver?.close();
    this.#archiver = undefined;
  }

  async #archiverFor(desired: DesiredWorkspace): Promise<WorkspaceArchiver> {
    const { services, commit, onProgress } = this.#options;
    const policy = policyOf(desired, services.dataDir);
    const made = JSON.stringify([desired.path, policy]);
    if (this.#archiver !== undefined && this.#made === made) return this.#archiver;
    await this.close();
    const { hostname, username, workers, now } = services;
    this.#made = made;
    this.#archiver = new WorkspaceArchiver({
      target: archiveTarget(this.#repository, this.#index, commit),
      workers,
      workspace: desired.path,
      layout: 'contents',
      policy,
      origin: { hostname, username },
      parent: this.#parent,
      maxUnlistedBytes: MAX_UNLISTED_BYTES,
      onProgress,
      now,
    });
    return this.#archiver;
  }
}

function filesOf({
  services,
  pace,
  onStored,
  access,
  signal,
}: OpenWorkspaceOptions): BrokeredRepositoryFiles {
  const { server, transfers } = services;
  const patience = { patienceMs: RUN_PATIENCE_MS, signal };
  return new BrokeredRepositoryFiles({
    transfers,
    pace,
    onStored,
    placeOrders: (batch) => {
      const message: OrderRequest = { access: access(), ...batch };
      return server.ask(AGENT_PATHS.orders, message, patience);
    },
    storeIndex: (id, bytes, { signal: asked = signal }) => {
      const message: StoreIndexRequest = {
        access: access(),
        id,
        bytes: Buffer.from(bytes).toString('base64'),
      };
      const options = { ...patience, signal: asked, deadlineMs: STORE_INDEX_MS };
      return server.ask(AGENT_PATHS.storeIndex, message, options);
    },
    listFiles: (kind, { signal: asked = signal }) =>
      server.ask(AGENT_PATHS.listFiles, { access: access(), kind }, { ...patience, signal: asked }),
  });
}

async function loadParent(
  repository: Repository,
  { latest_snapshot: id }: LeaseGrant,
  { server }: HostServices,
  signal: AbortSignal,
): Promise<Parent | undefined> {
  if (id === null) return undefined;
  try {
    const snapshot = await loadSnapshot(repository, id, { signal });
    const startNs = snapshot.summary?.backupStartNs || snapshot.timeNs;
    const marginMs = PARENT_MARGIN_MS + (server.clockSkewMs ?? 0);
    return { id, snapshot: { ...snapshot, timeNs: startNs - BigInt(marginMs) * 1_000_000n } };
  } catch (error) {
    // Forgotten or damaged: everything is read, which is slower and just as right.
    if (isRepositoryError(error, 'snapshot_not_found') || isRepositoryError(error, 'damaged_repository'))
      return undefined;
    throw error;
  }
}
