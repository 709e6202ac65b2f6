import { randomUUID } from 'node:crypto';
import type {
  CommitAnswer,
  DesiredWorkspace,
  LeaseGrant,
  LeaseHold,
  LeaseRequest,
} from '../../agent-protocol/messages.js';
import { AGENT_PATHS, MAX_COMMIT_FILES } from '../../agent-protocol/protocol.js';
import type { CommitFacts, Progress, Snapshot, WorkspaceResult } from '../../snapshot-engine/index.js';
import { codeOf, ServerRefusal } from '../agent-error.js';
import { UploadPace } from '../brokered-files/upload-pace.js';
import type { HostServices } from '../host-services.js';
import { commitRequest } from './commit-request.js';
import { OpenWorkspace, RUN_PATIENCE_MS } from './open-workspace.js';

/** A run begins anew so often because of a lease that was lost or a commit that was refused. */
const MAX_BEGINNINGS = 4;
const RELEASE_MS = 5_000;
/** The server may have to look for each file of a first snapshot in the bucket. */
const COMMIT_MS = 10 * 60_000;

/** A run that ended well. */
export interface FinishedRun {
  readonly runId: string;
  readonly startedAtMs: number;
  readonly result: WorkspaceResult;
}

/**
 * The right to write a workspace's repository, and what is known of it. Nothing is asked of server or storage before
 * the first run; afterwards lease, index and trees stay until they are lost or wrong.
 */
export class WorkspaceSession {
  readonly #id: string;
  readonly #services: HostServices;
  readonly #pace = new UploadPace(null);
  readonly #ended = new AbortController();
  #lease: LeaseGrant | undefined;
  #open: OpenWorkspace | undefined;
  /** Stored by this process and named in no commit yet. */
  readonly #uncommitted = new Set<string>();
  #run = { id: '', startedAtMs: 0 };
  /** Of the run under way. */
  progress: Progress | undefined;

  constructor(workspaceId: string, services: HostServices) {
    this.#id = workspaceId;
    this.#services = services;
  }

  /** What heartbeats renew. */
  get hold(): LeaseHold | undefined {
    return this.#lease && { workspace_id: this.#id, fencing: this.#lease.fencing };
  }

  /** The newest snapshot that this host knows of, by its id in the repository. */
  get latest(): string | null {
    return this.#open?.latest ?? null;
  }

  /** The server does not renew it. A run under way goes on when it gets the lease again. */
  loseLease(fencing: number): void {
    if (this.#lease?.fencing === fencing) this.#lease = undefined;
  }

  /** One snapshot, if anything has changed. Rejects with `lease_held` and with everything that archives reject with. */
  async run(desired: DesiredWorkspace, signal: AbortSignal): Promise<FinishedRun> {
    this.#pace.bytesPerSecond = desired.upload_bytes_per_second;
    const startedAtMs = performance.now();
    const both = AbortSignal.any([signal, this.#ended.signal]);
    try {
      for (let beginning = 1; ; beginning += 1) {
        // A run's id stands for one tree: what begins anew may find another one.
        const runId = randomUUID();
        this.#run = { id: runId, startedAtMs };
        try {
          const result = await (await this.#opened(both)).run(desired, both);
          return { runId, startedAtMs, result };
        } catch (error) {
          if (beginning >= MAX_BEGINNINGS || !(await this.#recovers(error))) throw error;
          this.#services.log.info('run_begins_anew', { workspace_id: this.#id, code: codeOf(error) });
        }
      }
    } finally {
      this.progress = undefined;
    }
  }

  /** Gives the lease back, so that another host need not wait for its end. */
  async close(): Promise<void> {
    this.#ended.abort(new Error('The workspace is no longer snapshotted by this agent.'));
    await this.#open?.close();
    this.#open = undefined;
    const { hold } = this;
    this.#lease = undefined;
    if (hold === undefined) return;
    // It ends by itself when nobody answers.
    await this.#services.server
      .ask(AGENT_PATHS.releaseLease, hold, { deadlineMs: RELEASE_MS })
      .catch(() => undefined);
  }

  /** Whether the run may begin anew after this error. */
  async #recovers(error: unknown): Promise<boolean> {
    switch (codeOf(error)) {
      case 'lease_lost':
        this.#lease = undefined;
        return true;
      case 'commit_refused':
        // Whoever has pruned meanwhile knows better which packs there are.
        this.#lease = undefined;
        await this.#open?.close();
        this.#open = undefined;
        return true;
      default:
        return false;
    }
  }

  async #opened(signal: AbortSignal): Promise<OpenWorkspace> {
    if (this.#lease === undefined) {
      const message: LeaseRequest = { workspace_id: this.#id };
      const options = { signal, patienceMs: RUN_PATIENCE_MS };
      const grant = await this.#services.server.ask<LeaseGrant>(AGENT_PATHS.lease, message, options);
      // Another host may have written meanwhile; then everything is looked at anew.
      const isSame =
        this.#open?.generation === grant.generation && this.#open.latest === grant.latest_snapshot;
      if (!isSame) await this.#open?.close();
      if (!isSame) this.#open = undefined;
      this.#lease = grant;
    }
    this.#open ??= await this.#load(this.#lease, signal);
    return this.#open;
  }

  async #load(grant: LeaseGrant, signal: AbortSignal): Promise<OpenWorkspace> {
    const options = {
      services: this.#services,
      pace: this.#pace,
      commit: (snapshot: Snapshot, facts: CommitFacts) => this.#commit(snapshot, facts),
      onStored: (id: string) => void this.#uncommitted.add(id),
      onProgress: (progress: Progress) => void (this.progress = progress),
      access: () => this.#held(),
      signal: this.#ended.signal,
    };
    const open = await OpenWorkspace.open(options, grant, signal);
    for (const id of this.#uncommitted) if (!open.knows(id)) this.#uncommitted.delete(id);
    return open;
  }

  async #commit(snapshot: Snapshot, facts: CommitFacts): Promise<string> {
    const files = [...this.#uncommitted].slice(-MAX_COMMIT_FILES);
    const message = commitRequest(snapshot, facts, {
      ...this.#held(),
      run_id: this.#run.id,
      generation: this.#open!.generation,
      files,
      startedAtMs: this.#run.startedAtMs,
      nowMs: performance.now(),
    });
    const options = { signal: facts.signal, patienceMs: RUN_PATIENCE_MS, deadlineMs: COMMIT_MS };
    const answer = await this.#services.server.ask<CommitAnswer>(AGENT_PATHS.commit, message, options);
    this.#uncommitted.clear();
    this.#open!.committed(answer.object_id, snapshot);
    return answer.object_id;
  }

  #held(): LeaseHold {
    const { hold } = this;
    if (hold !== undefined) return hold;
    throw new ServerRefusal('lease_lost', 'The lease of the workspace has ended; it is taken anew.', 409);
  }
}
