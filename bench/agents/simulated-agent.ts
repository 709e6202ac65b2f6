import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, Pool } from 'undici';
import type {
  CommitAnswer,
  CommitRequest,
  DesiredState,
  HeartbeatAnswer,
  LeaseGrant,
  OrderAnswer,
  OrderedRequest,
  PutOrder,
  RunReport,
} from '../../src/agent-protocol/messages.ts';
import {
  AGENT_PATHS,
  HEARTBEAT_SECONDS,
  MAX_SYNC_WAIT_SECONDS,
  PROTOCOL_HEADER,
  PROTOCOL_VERSION,
} from '../../src/agent-protocol/protocol.ts';
import { Repository, type RepositoryFiles, type SealedFile } from '../../src/snapshot-engine/index.ts';
import type { EnrolledAgent } from './enrolment.ts';
import type { FleetTally } from './fleet-tally.ts';

/** As the real agent: a long poll, a heartbeat, an order and a commit may be under way at the same time. */
const MAX_CONNECTIONS = 8;
const KEEP_ALIVE_MS = 55_000;
const DEADLINE_MS = 90_000;

export interface SimulationOptions {
  readonly url: string;
  readonly intervalMs: number;
  readonly packBytes: number;
  /** The connections to the bucket, shared by all agents. */
  readonly bucket: Agent;
  readonly tally: FleetTally;
  readonly signal: AbortSignal;
}

interface MadeFile {
  readonly order: PutOrder;
  readonly bytes: Buffer;
}

/**
 * A host as the server and the bucket see it: the whole protocol with the real agent's timing, and random bytes in place
 * of packs (index files are real, because the server reads them), so that 500 of them fit into one process.
 */
export class SimulatedAgent {
  private readonly pool: Pool;
  private readonly options: SimulationOptions;
  private readonly agent: EnrolledAgent;
  private lease: LeaseGrant | undefined;
  private parent: string | null = null;
  private requestedRunId: string | null = null;
  private reports: RunReport[] = [];

  constructor(agent: EnrolledAgent, options: SimulationOptions) {
    this.agent = agent;
    this.options = options;
    this.pool = new Pool(options.url, {
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
    });
  }

  /** Until the signal. @param firstRunAtMs by performance.now(): runs are due from then on, once an interval */
  async live(firstRunAtMs: number): Promise<void> {
    await Promise.all([this.syncForEver(), this.beatForEver(), this.runForEver(firstRunAtMs)]);
    await this.pool.destroy();
  }

  private async syncForEver(): Promise<void> {
    let revision: string | undefined;
    await this.repeat(async () => {
      const host = { hostname: 'bench', platform: 'linux x64', program_version: 'bench' };
      const wait_seconds = revision === undefined ? 0 : MAX_SYNC_WAIT_SECONDS;
      const known = revision === undefined ? {} : { revision };
      const state = await this.ask<DesiredState>(AGENT_PATHS.sync, { ...host, ...known, wait_seconds });
      revision = state.revision;
      this.requestedRunId = state.workspaces[0]?.requested_run_id ?? null;
    });
  }

  private async beatForEver(): Promise<void> {
    await this.rest(Math.random() * HEARTBEAT_SECONDS * 1_000);
    await this.repeat(async () => {
      const runs = this.reports;
      this.reports = [];
      const leases = this.lease === undefined ? [] : [holdOf(this.lease)];
      const startedMs = performance.now();
      const answer = await this.ask<HeartbeatAnswer>(AGENT_PATHS.heartbeat, { runs, restores: [], leases });
      this.options.tally.heartbeat(performance.now() - startedMs);
      if (leases.length > 0 && answer.leases.length === 0) {
        this.lease = undefined;
        this.options.tally.failure('lease lost');
      }
      await this.rest(HEARTBEAT_SECONDS * 1_000);
    });
  }

  /** A run that is due while the one before goes on is left out, as the real agent does. */
  private async runForEver(firstRunAtMs: number): Promise<void> {
    const { intervalMs, tally, signal } = this.options;
    let dueMs = firstRunAtMs;
    while (!signal.aborted) {
      await this.rest(dueMs - performance.now());
      if (signal.aborted) return;
      await this.run(dueMs).catch((error: unknown) => {
        if (!signal.aborted) tally.failure((error as Error).message);
      });
      const passed = Math.floor((performance.now() - dueMs) / intervalMs);
      if (passed > 0) tally.missed(passed);
      dueMs += (passed + 1) * intervalMs;
    }
  }

  private async run(dueMs: number): Promise<void> {
    const { tally, packBytes } = this.options;
    const startedMs = performance.now();
    const runId = randomUUID();
    const requested = this.requestedRunId;
    this.lease ??= await this.ask<LeaseGrant>(AGENT_PATHS.lease, { workspace_id: this.agent.workspaceId });
    const hold = holdOf(this.lease);
    const pack = madePack(packBytes);
    const orderedMs = performance.now();
    const answer = await this.ask<OrderAnswer>(AGENT_PATHS.orders, { access: hold, puts: [pack.order] });
    tally.order(performance.now() - orderedMs);
    for (const put of answer.puts) await this.put(put, pack.bytes);
    const index = await sealedIndex(this.lease, pack.order);
    const bytes = index.bytes.toString('base64');
    await this.ask(AGENT_PATHS.storeIndex, { access: hold, id: index.id, bytes });
    const files = [pack.order.id, index.id];
    const storedBytes = pack.bytes.length + index.bytes.length;
    const committedMs = performance.now();
    const commit = commitRequest(this.lease, runId, { files, storedBytes }, this.parent, startedMs);
    const { object_id } = await this.ask<CommitAnswer>(AGENT_PATHS.commit, commit);
    const endedMs = performance.now();
    this.parent = object_id;
    tally.run({ commitMs: endedMs - committedMs, runMs: endedMs - startedMs, lateMs: startedMs - dueMs });
    this.reports.push(runReport(hold.workspace_id, runId, object_id, startedMs, requested));
  }

  private async put({ url, method, headers }: OrderedRequest, body: Buffer): Promise<void> {
    const target = new URL(url);
    const answer = await this.options.bucket.request({
      origin: target.origin,
      path: target.pathname + target.search,
      method,
      headers: { ...headers, 'content-length': String(body.length) },
      body,
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200)
      throw new Error(`PUT answered ${answer.statusCode}: ${text.slice(0, 300)}`);
  }

  private async ask<Answer>(path: string, message: object): Promise<Answer> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const answer = await this.pool.request({
      method: 'POST',
      path,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${this.agent.apiKey}`,
        [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
      },
      body: JSON.stringify(message),
      signal: AbortSignal.any([this.options.signal, deadline]),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300)
      throw new Error(`${path} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }

  /** A failed question is counted, and asked again after a second. */
  private async repeat(question: () => Promise<void>): Promise<void> {
    const { signal, tally } = this.options;
    while (!signal.aborted) {
      try {
        await question();
      } catch (error) {
        if (signal.aborted) return;
        tally.failure((error as Error).message);
        await this.rest(1_000);
      }
    }
  }

  private async rest(milliseconds: number): Promise<void> {
    await sleep(Math.max(0, milliseconds), undefined, { signal: this.options.signal }).catch(() => undefined);
  }
}

export function madePack(sizeBytes: number): MadeFile {
  const bytes = randomBytes(sizeBytes);
  const id = createHash('sha256').update(bytes).digest('hex');
  const md5 = createHash('md5').update(bytes).digest('hex');
  return { order: { kind: 'pack', id, size_bytes: sizeBytes, md5 }, bytes };
}

/** The server reads these: as the real agent seals them, of a pack that is one large blob. */
function sealedIndex({ repository: keys }: LeaseGrant, { id, size_bytes }: PutOrder): Promise<SealedFile> {
  const grant = { masterKey: keys.master_key, config: keys.config };
  const repository = Repository.fromGrant(NO_FILES, grant, { now: () => Date.now() });
  const blob = { id: randomBytes(32).toString('hex'), type: 'data', offset: 0, length: size_bytes };
  return repository.sealFile(Buffer.from(JSON.stringify({ packs: [{ id, blobs: [blob] }] })));
}

/** Sealing asks for none. */
const NO_FILES = {} as RepositoryFiles;

function holdOf({ workspace_id, fencing }: LeaseGrant): { workspace_id: string; fencing: number } {
  return { workspace_id, fencing };
}

function commitRequest(
  lease: LeaseGrant,
  run_id: string,
  { files, storedBytes }: { readonly files: readonly string[]; readonly storedBytes: number },
  parent: string | null,
  startedMs: number,
): CommitRequest {
  return {
    ...holdOf(lease),
    run_id,
    generation: lease.generation,
    files,
    tree: randomBytes(32).toString('hex'),
    parent,
    hostname: 'bench',
    username: 'bench',
    excludes: [],
    summary: {
      files_new: 0,
      files_changed: 3,
      files_unmodified: 997,
      dirs_new: 0,
      dirs_changed: 2,
      dirs_unmodified: 18,
      data_blobs: 3,
      tree_blobs: 3,
      data_added: storedBytes,
      data_added_packed: storedBytes,
      total_files_processed: 1_000,
      total_bytes_processed: 10_000_000,
    },
    problem_count: 0,
    problems: [],
    requests: files.length,
    started_ms_ago: Math.round(performance.now() - startedMs),
  };
}

function runReport(
  workspace_id: string,
  run_id: string,
  snapshot: string,
  startedMs: number,
  requested: string | null,
): RunReport {
  const duration_ms = Math.round(performance.now() - startedMs);
  return {
    workspace_id,
    run_id,
    status: 'complete',
    snapshot,
    started_ms_ago: duration_ms,
    duration_ms,
    requests: 2,
    walk: 'changes',
    missed_changes: 0,
    problem_count: 0,
    problems: [],
    skipped_runs: 0,
    ...(requested !== null && { requested_run_id: requested }),
  };
}
