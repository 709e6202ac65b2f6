import { createHash, hash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  CommitRequest,
  DesiredRestore,
  DesiredState,
  DesiredWorkspace,
  GetOrder,
  Heartbeat,
  LeaseHold,
  OrderRequest,
  PutOrder,
  RequestRestore,
  RestoreDecision,
  RestoreReport,
  RunReport,
  StoreIndexRequest,
  SyncRequest,
} from '../../src/agent-protocol/messages.js';
import { AGENT_PATHS, PROTOCOL_HEADER } from '../../src/agent-protocol/protocol.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { encodeSnapshot } from '../../src/snapshot-engine/snapshot/snapshot.js';
import { localRepository, type LocalRepository } from './local-repository.js';

type Handler = (message: never) => unknown;

interface SignedFile {
  readonly method: 'GET' | 'PUT';
  readonly kind: 'pack' | 'index' | 'snapshot';
  readonly id: string;
  readonly md5?: string;
  readonly sizeBytes?: number;
  expired: boolean;
}

export const TOKEN = 'stwt_one-time-token';
const API_KEY = 'stw_agent_key';
const PASSWORD = 'of the repository';

/**
 * The server's side of the protocol and a bucket behind signed URLs, over one repository on the disk: to take away,
 * and to say no on purpose. The real server has its own end-to-end tests.
 */
export class AgentServer {
  readonly #place: LocalRepository;
  readonly #repository: Repository;
  #server: Server | undefined;
  #port = 0;
  #revision = 1;
  #waiting: (() => void)[] = [];
  readonly #signed = new Map<string, SignedFile>();
  readonly #commits = new Map<string, { snapshot_id: string; object_id: string }>();

  workspaces: DesiredWorkspace[] = [];
  restores: DesiredRestore[] = [];
  generation = 0;
  fencing = 1;
  latest: string | null = null;
  readonly runs: RunReport[] = [];
  readonly restoreReports: RestoreReport[] = [];
  /** Of all requests, in their order: `POST /api/…` and `PUT pack`. */
  readonly calls: string[] = [];
  /** About restores: `run` and `cancel`. */
  readonly decisions: string[] = [];
  /** Ids of all snapshots made. */
  readonly snapshots: string[] = [];
  /** Called before a request is answered; what it answers refuses it. */
  refuse: (path: string) => Refusal | undefined | Promise<Refusal | undefined> = () => undefined;

  private constructor(place: LocalRepository, repository: Repository) {
    this.#place = place;
    this.#repository = repository;
  }

  static async start(): Promise<AgentServer> {
    const place = await localRepository();
    const repository = await Repository.create(place.files, {
      password: PASSWORD,
      scryptCost: { n: 1_024, r: 8, p: 1 },
      now: () => Date.now(),
    });
    const server = new AgentServer(place, repository);
    await server.listen();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Of the repository on the disk. */
  get repositoryPath(): string {
    return this.#place.path;
  }

  get repository(): Repository {
    return this.#repository;
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Gone with all its connections, as in a restart; `listen` brings it back under the same address. */
  async vanish(): Promise<void> {
    const server = this.#server!;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async stop(): Promise<void> {
    await this.vanish();
    await this.#place.remove();
  }

  /** Wishes have changed. */
  changed(): void {
    this.#revision += 1;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The bucket takes none of the URLs that were given until now. */
  expireUrls(): void {
    for (const file of this.#signed.values()) file.expired = true;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(pieces);
    const path = request.url!;
    if (path.startsWith('/bucket/')) return this.#object(request, response, body);
    this.calls.push(`POST ${path}`);
    const message: unknown = JSON.parse(body.toString());
    const refusal = this.#refusal(request, path) ?? (await this.refuse(path));
    if (refusal !== undefined) return problem(response, refusal);
    const answer = await this.#handlers[path]!(message as never);
    if (answer === undefined) return void response.writeHead(204).end();
    if (isRefusal(answer)) return problem(response, answer);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  #refusal({ headers }: IncomingMessage, path: string) {
    if (headers[PROTOCOL_HEADER] !== '1') return { code: 'unsupported_protocol', status: 400 };
    const isKnown = path === AGENT_PATHS.enrol || headers.authorization === `Bearer ${API_KEY}`;
    return isKnown ? undefined : { code: 'unauthenticated', status: 401 };
  }

  readonly #handlers: Readonly<Record<string, Handler>> = {
    [AGENT_PATHS.enrol]: ({ token }: { token: string }) =>
      token === TOKEN
        ? { agent_id: randomUUID(), name: 'host', api_key: API_KEY }
        : { code: 'enrolment_refused', status: 403 },
    [AGENT_PATHS.sync]: (message: SyncRequest) => this.#sync(message),
    [AGENT_PATHS.heartbeat]: ({ runs, restores, leases }: Heartbeat) => {
      this.runs.push(...runs);
      this.restoreReports.push(...restores);
      return {
        leases: leases.filter(({ fencing }) => fencing === this.fencing),
        revision: String(this.#revision),
      };
    },
    [AGENT_PATHS.lease]: ({ workspace_id }: { workspace_id: string }) => {
      const { masterKey: master_key, config } = this.#repository.grant();
      const { fencing, generation, latest: latest_snapshot } = this;
      const lease = { workspace_id, fencing, generation, doomed: [], latest_snapshot, ttl_seconds: 90 };
      return { ...lease, repository: { master_key, config } };
    },
    [AGENT_PATHS.releaseLease]: () => undefined,
    [AGENT_PATHS.orders]: (message: OrderRequest) => this.#order(message),
    [AGENT_PATHS.storeIndex]: (message: StoreIndexRequest) => this.#storeIndex(message),
    [AGENT_PATHS.listFiles]: async ({ kind }: { kind: 'index' | 'snapshot' }) => {
      const files = [];
      for await (const { id, sizeBytes: size_bytes } of this.#place.files.list(kind))
        files.push({ id, size_bytes });
      return { files };
    },
    [AGENT_PATHS.commit]: (message: CommitRequest) => this.#commit(message),
    [AGENT_PATHS.openForRestore]: () => {
      const { masterKey: master_key, config } = this.#repository.grant();
      return { repository: { master_key, config } };
    },
    [AGENT_PATHS.requestRestore]: (message: RequestRestore) => this.#requestRestore(message),
    [AGENT_PATHS.decideRestore]: ({ restore_id, phase }: RestoreDecision) => {
      this.decisions.push(phase);
      this.restores = this.restores.map((each) => (each.id === restore_id ? { ...each, phase } : each));
      this.changed();
      return this.#restoreStatus(restore_id);
    },
    [AGENT_PATHS.restoreStatus]: ({ restore_id }: { restore_id: string }) => this.#restoreStatus(restore_id),
  };

  async #sync({ revision, wait_seconds }: SyncRequest): Promise<DesiredState> {
    if (revision === String(this.#revision) && wait_seconds > 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, wait_seconds * 1_000).unref();
      });
    }
    const { workspaces, restores } = this;
    return { revision: String(this.#revision), agent: { id: 'agent', name: 'host' }, workspaces, restores };
  }

  #order({ access, puts = [], gets = [] }: OrderRequest) {
    if ('fencing' in access && access.fencing !== this.fencing) return { code: 'lease_lost', status: 409 };
    return {
      stored: [],
      puts: puts.map((put) => this.#sign('PUT', put)),
      gets: gets.map((get) => this.#sign('GET', get)),
    };
  }

  async #storeIndex({ access, id, bytes }: StoreIndexRequest) {
    if (access.fencing !== this.fencing) return { code: 'lease_lost', status: 409 };
    const content = Buffer.from(bytes, 'base64');
    if (hash('sha256', content) !== id) return { code: 'order_refused', status: 403 };
    await this.#place.files.save('index', id, content);
    return undefined;
  }

  #sign(method: 'GET' | 'PUT', order: PutOrder | GetOrder) {
    const { kind, id } = order;
    const name = randomUUID();
    const bound = 'md5' in order ? { md5: order.md5, sizeBytes: order.size_bytes } : {};
    this.#signed.set(name, { method, kind, id, ...bound, expired: false });
    const headers =
      method === 'PUT' ? { 'content-length': String(bound.sizeBytes), 'x-create-only': '1' } : {};
    return {
      kind,
      id,
      method,
      url: `${this.url}/bucket/${name}?signature=secret`,
      headers,
      expires_in_seconds: 900,
    };
  }

  async #object(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const file = this.#signed.get(/^\/bucket\/([^?]+)\?signature=secret$/.exec(request.url!)?.[1] ?? '');
    const { method, headers } = request;
    this.calls.push(`${method} ${file?.kind}`);
    const refusal = await this.refuse(`${method} ${file?.kind}`);
    if (refusal !== undefined) return void response.writeHead(refusal.status).end();
    if (file === undefined || file.expired || file.method !== method)
      return void response.writeHead(403).end();
    if (method === 'GET') return this.#read(file, headers.range, response);
    const isRight =
      headers['x-create-only'] === '1' &&
      body.length === file.sizeBytes &&
      hash('sha256', body) === file.id &&
      createHash('md5').update(body).digest('hex') === file.md5;
    if (!isRight) return void response.writeHead(400).end();
    await this.#place.files.save(file.kind, file.id, body);
    response.writeHead(200).end();
  }

  async #read({ kind, id }: SignedFile, range: string | undefined, response: ServerResponse): Promise<void> {
    const bytes = await this.#place.files.load(kind, id).catch(() => undefined);
    if (bytes === undefined) return void response.writeHead(404).end();
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (first === undefined) return void response.writeHead(200).end(bytes);
    response.writeHead(206).end(bytes.subarray(Number(first), Number(last) + 1));
  }

  async #commit(message: CommitRequest) {
    const known = this.#commits.get(message.run_id);
    if (known !== undefined) return known;
    const refusal = this.#commitRefusal(message);
    if (refusal !== undefined) return refusal;
    const { tree, parent, excludes } = message;
    const { path } = this.workspaces.find(({ id }) => id === message.workspace_id)!;
    const snapshot = encodeSnapshot({
      timeNs: BigInt(Date.now()) * 1_000_000n,
      tree,
      parent: parent ?? undefined,
      paths: [path],
      excludes,
    });
    const object_id = await this.#repository.saveFile('snapshot', snapshot);
    const answer = { snapshot_id: randomUUID(), object_id };
    this.#commits.set(message.run_id, answer);
    this.latest = object_id;
    this.snapshots.push(object_id);
    return answer;
  }

  #commitRefusal({ fencing, generation }: LeaseHold & { generation: number }) {
    if (fencing !== this.fencing) return { code: 'lease_lost', status: 409 };
    return generation === this.generation ? undefined : { code: 'commit_refused', status: 409 };
  }

  #requestRestore(message: RequestRestore): DesiredRestore {
    const { starts_by_itself, snapshot = this.latest!, ...wanted } = message;
    const restore = {
      ...wanted,
      id: randomUUID(),
      snapshot,
      phase: starts_by_itself ? 'run' : 'plan',
    } as const;
    this.restores.push(restore);
    this.changed();
    return restore;
  }

  #restoreStatus(restoreId: string) {
    const last = this.restoreReports.findLast(({ restore_id }) => restore_id === restoreId);
    const { plan = null, progress = null, result = null, state = 'planning' } = last ?? {};
    const error = { error_code: last?.code ?? null, error_detail: last?.detail ?? null };
    return { restore_id: restoreId, state, plan, progress, result, ...error };
  }
}

interface Refusal {
  readonly code: string;
  readonly status: number;
}

function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'code' in answer && 'status' in answer;
}

function problem(response: ServerResponse, { code, status }: Refusal): void {
  const body = { code, detail: `Refused with ${code}.`, retryable: status >= 500 || code === 'lease_held' };
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
}
