import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { CommitRequest, LeaseGrant, OrderAnswer, PutOrder } from '../../src/agent-protocol/messages.js';
import { AGENT_PATHS, PROTOCOL_HEADER, PROTOCOL_VERSION } from '../../src/agent-protocol/protocol.js';

export interface Refusable {
  readonly status: number;
  /** Of a problem. */
  readonly code: string | undefined;
  readonly body: unknown;
}

export interface OwnFile {
  readonly order: PutOrder;
  readonly bytes: Buffer;
}

/** Whoever has taken a host over, with its key: says what it likes to the server and to the bucket. */
export class HostileAgent {
  constructor(
    private readonly serverUrl: string,
    private readonly key: string,
  ) {}

  tell(path: keyof typeof AGENT_PATHS, body: unknown): Promise<Refusable> {
    return this.ask('POST', AGENT_PATHS[path], body);
  }

  async ask(method: string, path: string, body?: unknown): Promise<Refusable> {
    const response = await fetch(this.serverUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, code: (parsed as { code?: string } | undefined)?.code, body: parsed };
  }

  /** @throws Error when it is refused */
  async takeLease(workspaceId: string): Promise<LeaseGrant> {
    return granted<LeaseGrant>(await this.tell('lease', { workspace_id: workspaceId }));
  }

  /** As an honest agent orders. @throws Error when it is refused */
  async order(access: object, wanted: object): Promise<OrderAnswer> {
    return granted<OrderAnswer>(await this.tell('orders', { access, ...wanted }));
  }
}

/** A pack of random bytes. */
export function newFile(sizeBytes = 4_096): OwnFile {
  const bytes = randomBytes(sizeBytes);
  const id = createHash('sha256').update(bytes).digest('hex');
  const md5 = createHash('md5').update(bytes).digest('hex');
  return { order: { kind: 'pack', id, size_bytes: sizeBytes, md5 }, bytes };
}

/** Well-formed, and with nothing behind it. */
export function forgedCommit(
  { workspace_id, fencing, generation }: LeaseGrant,
  more: Partial<CommitRequest> = {},
): CommitRequest {
  return {
    ...{ workspace_id, fencing, generation, run_id: randomUUID(), files: [] },
    ...{
      tree: randomBytes(32).toString('hex'),
      parent: null,
      hostname: 'taken',
      username: 'nobody',
      excludes: [],
    },
    summary: {
      ...{
        files_new: 0,
        files_changed: 0,
        files_unmodified: 0,
        dirs_new: 0,
        dirs_changed: 0,
        dirs_unmodified: 0,
      },
      ...{ data_blobs: 0, tree_blobs: 0, data_added: 0, data_added_packed: 0 },
      ...{ total_files_processed: 0, total_bytes_processed: 0 },
    },
    ...{ problem_count: 0, problems: [], requests: 0, started_ms_ago: 0 },
    ...more,
  };
}

function granted<Answer>({ status, body }: Refusable): Answer {
  if (status >= 300) throw new Error(`refused with ${status}: ${JSON.stringify(body)}`);
  return body as Answer;
}
