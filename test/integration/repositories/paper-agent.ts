import { hash, randomUUID } from 'node:crypto';
import type {
  CommitAnswer,
  CommitRequest,
  LeaseGrant,
  OrderAnswer,
  OrderedRequest,
  PutOrder,
} from '../../../src/agent-protocol/messages.js';
import type { SealedFile } from '../../../src/snapshot-engine/index.js';
import { sendRaw, type RawAnswer } from '../../support/send-raw.js';
import { noise } from '../../support/noise.js';
import type { RepositoriesProcess } from './repositories-process.js';
import type { TestWorkspace } from './repository-world.js';

/** A pack as an agent would store it; the server never looks into it. */
export interface PaperFile {
  readonly kind: 'pack';
  readonly id: string;
  readonly bytes: Buffer;
}

/** A pack as an index file lists it. */
export interface PaperListing {
  readonly id: string;
  readonly blobs: readonly object[];
}

const NO_SUMMARY = {
  files_new: 1,
  files_changed: 2,
  files_unmodified: 3,
  dirs_new: 4,
  dirs_changed: 5,
  dirs_unmodified: 6,
  data_blobs: 7,
  tree_blobs: 8,
  data_added: 9,
  data_added_packed: 10,
  total_files_processed: 11,
  total_bytes_processed: 12,
};

let seed = 1;

/** Speaks to the services as the agent protocol's controllers do, and to the bucket by signed URLs only. */
export class PaperAgent {
  lease: LeaseGrant | undefined;

  constructor(
    public server: RepositoriesProcess,
    readonly id: string,
    readonly workspace: TestWorkspace,
  ) {}

  newFile(sizeBytes = 500): PaperFile {
    const bytes = Buffer.from(noise(sizeBytes, (seed += 1)));
    return { kind: 'pack', id: hash('sha256', bytes), bytes };
  }

  /** Of one blob that fills its pack up to there. */
  listing(id: string, endBytes = 500): PaperListing {
    const blob = { id: hash('sha256', id), type: 'data', offset: 0, length: endBytes };
    return { id, blobs: [blob] };
  }

  /** Sealed with the keys of this agent's repository. */
  async sealed(json: object): Promise<SealedFile> {
    const { repository } = await this.server.repositories.open(this.workspace.repositoryId);
    return repository.sealFile(Buffer.from(JSON.stringify(json)));
  }

  storeIndex({ id, bytes }: SealedFile): Promise<void> {
    return this.server.indexes.store(this.id, { access: this.hold, id, bytes: bytes.toString('base64') });
  }

  /** Stores a pack of 500 bytes and its index file, as every run does. @returns both ids */
  async storeListed(): Promise<{ pack: string; index: string; indexBytes: number }> {
    const pack = await this.store();
    const file = await this.sealed({ packs: [this.listing(pack)] });
    await this.storeIndex(file);
    return { pack, index: file.id, indexBytes: file.bytes.length };
  }

  async takeLease(): Promise<LeaseGrant> {
    this.lease = await this.server.leases.take(this.id, this.workspace.id);
    return this.lease;
  }

  get hold(): { workspace_id: string; fencing: number } {
    return { workspace_id: this.workspace.id, fencing: this.lease?.fencing ?? 1 };
  }

  order(puts: readonly PutOrder[]): Promise<OrderAnswer> {
    return this.server.orders.order(this.id, { access: this.hold, puts });
  }

  /** Orders and stores a file. */
  async store(file: PaperFile = this.newFile()): Promise<string> {
    const { puts } = await this.order([putOrder(file)]);
    for (const request of puts) await put(request, file.bytes);
    return file.id;
  }

  commitRequest(more: Partial<CommitRequest> = {}): CommitRequest {
    return {
      ...this.hold,
      run_id: randomUUID(),
      generation: this.lease?.generation ?? 0,
      files: [],
      tree: hash('sha256', randomUUID()),
      parent: null,
      hostname: 'host',
      username: 'someone',
      excludes: [],
      summary: NO_SUMMARY,
      problem_count: 0,
      problems: [],
      requests: 2,
      started_ms_ago: 1_000,
      ...more,
    };
  }

  commit(more: Partial<CommitRequest> = {}): Promise<CommitAnswer> {
    return this.server.commits.commit(this.id, this.commitRequest(more));
  }
}

export function putOrder({ kind, id, bytes }: PaperFile): PutOrder {
  return { kind, id, size_bytes: bytes.length, md5: hash('md5', bytes) };
}

/** What was signed, and nothing else, to the server on this machine. */
export function send(request: OrderedRequest, bytes?: Uint8Array): Promise<RawAnswer> {
  const url = new URL(request.url);
  const headers = { host: url.host, ...request.headers };
  return sendRaw(Number(url.port), request.method, url.pathname + url.search, headers, bytes);
}

async function put(request: OrderedRequest, bytes: Uint8Array): Promise<void> {
  const { status, text } = await send(request, bytes);
  if (status >= 300) throw new Error(`${request.method} was answered ${status}: ${text}`);
}
