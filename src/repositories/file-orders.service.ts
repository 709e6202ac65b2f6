import { Injectable } from '@nestjs/common';
import type {
  FileList,
  FileListRequest,
  GetOrder,
  OrderAnswer,
  OrderedRequest,
  OrderRequest,
  PutOrder,
} from '../agent-protocol/messages.js';
import { ORDER_TTL_SECONDS } from '../agent-protocol/protocol.js';
import { Statements } from '../database/statements.js';
import { fileName, ObjectRepositoryFiles } from '../snapshot-engine/index.js';
import type { SignedUrls } from '../storage-providers/storage-provider.js';
import { Metrics } from '../telemetry/metrics.js';
import { AgentAccess } from './agent-access.service.js';
import { bindingOf, type Binding } from './content-binding.js';
import type { RepositoryPlace } from './opened-repository.js';
import { assertOrders } from './order-checks.js';
import { leaseLost, orderRefused } from './repositories-error.js';
import { Repositories } from './repositories.service.js';
import { StoredFiles, type BookedFile } from './stored-files.service.js';

/**
 * Signs what agents may do at a bucket whose keys they never see: store packs, create-only and bound to their content as
 * far as the bucket honours it (see content-binding.ts), and read packs, index files and snapshots of their own
 * repository. Nothing else, for nobody: no listing, no deletion, neither keys nor `config`, and no index file of theirs
 * that the server has not read (see index-files.service.ts).
 */
@Injectable()
export class FileOrders {
  private readonly signed;

  constructor(
    private readonly statements: Statements,
    private readonly repositories: Repositories,
    private readonly access: AgentAccess,
    private readonly stored: StoredFiles,
    metrics: Metrics,
  ) {
    this.signed = metrics.counter('stowage_signed_orders_total', 'URLs signed for agents.', ['method']);
  }

  /**
   * Rows of what shall be stored are durable before their URLs are answered.
   * @throws RepositoriesError `order_refused`, `lease_lost`; what opening the bucket throws; StorageError
   */
  async order(agentId: string, request: OrderRequest): Promise<OrderAnswer> {
    assertOrders(request);
    const { puts = [], gets = [] } = request;
    const toStore = puts.length > 0 ? await this.book(agentId, request, puts) : undefined;
    const repositoryId = toStore?.repositoryId ?? (await this.access.repositoryOf(agentId, request.access));
    const place = await this.repositories.place(repositoryId);
    const stored = await this.stored.alreadyThere(place, toStore?.files ?? []);
    const [signedPuts, signedGets] = await Promise.all([
      signPuts(
        place,
        puts.filter(({ id }) => !stored.has(id)),
      ),
      signGets(place, gets),
    ]);
    this.signed.inc({ method: 'PUT' }, signedPuts.length);
    this.signed.inc({ method: 'GET' }, signedGets.length);
    return { puts: signedPuts, stored: [...stored], gets: signedGets };
  }

  /**
   * All index files or snapshots that lie in the bucket: agents cannot list it themselves.
   * @throws RepositoriesError `order_refused`, `lease_lost`; what opening the bucket throws; StorageError
   */
  async list(agentId: string, { access, kind }: FileListRequest): Promise<FileList> {
    if (kind !== 'index' && kind !== 'snapshot')
      throw orderRefused('only index files and snapshots are listed for agents');
    const { storage, prefix } = await this.repositories.place(
      await this.access.repositoryOf(agentId, access),
    );
    const files: { id: string; size_bytes: number }[] = [];
    for await (const { id, sizeBytes } of new ObjectRepositoryFiles(storage, { prefix }).list(kind)) {
      files.push({ id, size_bytes: sizeBytes });
    }
    return { files };
  }

  /** One statement checks the lease and notes what may be stored. */
  private async book(
    agentId: string,
    { access }: OrderRequest,
    puts: readonly PutOrder[],
  ): Promise<{ repositoryId: string; files: BookedFile[] }> {
    if (!('workspace_id' in access)) throw orderRefused('a restore stores nothing');
    const sorted = [...puts].sort((left, right) => (left.id < right.id ? -1 : 1));
    const rows = await this.statements.query<BookedRow>(BOOK, [
      ...[access.workspace_id, agentId, access.fencing],
      sorted.map(({ id }) => Buffer.from(id, 'hex')),
      sorted.map(({ kind }) => kind),
      sorted.map(({ size_bytes }) => size_bytes),
      sorted.map(({ md5 }) => Buffer.from(md5, 'hex')),
    ]);
    const [first] = rows;
    if (first === undefined) throw leaseLost();
    return { repositoryId: first.repository_id, files: sorted.map((put, at) => sameFile(put, rows[at]!)) };
  }
}

interface BookedRow {
  readonly repository_id: string;
  readonly kind: 'pack' | 'index';
  readonly size_bytes: string;
  readonly md5: Buffer;
  readonly is_stored: boolean;
  readonly is_repeated: boolean;
}

/**
 * What was ordered first under a name holds for ever: where a bucket binds no SHA-256, an agent could otherwise have a
 * URL signed for other bytes and overwrite what older snapshots need.
 */
function sameFile({ id, kind, size_bytes, md5 }: PutOrder, row: BookedRow): BookedFile {
  const isSame =
    row.kind === kind && Number(row.size_bytes) === size_bytes && row.md5.toString('hex') === md5;
  if (!isSame) throw orderRefused(`${kind} ${id} was ordered before with other content`);
  return { id, kind, sizeBytes: size_bytes, isStored: row.is_stored, isRepeated: row.is_repeated };
}

function signPuts(place: RepositoryPlace, puts: readonly PutOrder[]): Promise<OrderedRequest[]> {
  const binding = bindingOf(place.storage.capabilities);
  const urls = signerOf(place);
  return Promise.all(puts.map((put) => signPut(place, urls, binding, put)));
}

async function signPut(
  { prefix }: RepositoryPlace,
  urls: SignedUrls,
  { urlTtlSeconds }: Binding,
  { kind, id, size_bytes, md5 }: PutOrder,
): Promise<OrderedRequest> {
  const { method, url, headers } = await urls.signPut(`${prefix}/${fileName(kind, id)}`, {
    expiresInSeconds: urlTtlSeconds,
    sizeBytes: size_bytes,
    createOnly: true,
    sha256: Buffer.from(id, 'hex'),
    md5: Buffer.from(md5, 'hex'),
  });
  return { kind, id, method, url, headers, expires_in_seconds: urlTtlSeconds };
}

function signGets(place: RepositoryPlace, gets: readonly GetOrder[]): Promise<OrderedRequest[]> {
  const urls = signerOf(place);
  return Promise.all(
    gets.map(async ({ kind, id }) => {
      const key = `${place.prefix}/${fileName(kind, id)}`;
      const { method, url, headers } = await urls.signGet(key, { expiresInSeconds: ORDER_TTL_SECONDS });
      return { kind, id, method, url, headers, expires_in_seconds: ORDER_TTL_SECONDS };
    }),
  );
}

function signerOf({ storage, provider }: RepositoryPlace): SignedUrls {
  if (storage.signedUrls === undefined) throw orderRefused(`a bucket of ${provider} cannot sign URLs`);
  return storage.signedUrls;
}

/** Ascending by id, as all writers of these rows lock them. A row that is there stays as it is; its xmax tells. */
const BOOK = {
  name: 'repositories_book_files',
  text: `WITH held AS (
      SELECT l.repository_id FROM workspaces w JOIN leases l ON l.repository_id = w.repository_id
      WHERE w.id = $1 AND l.agent_id = $2 AND l.fencing = $3 AND l.expires_at > now() AND w.deleted_at IS NULL
    ), booked AS (
      INSERT INTO stored_packs AS stored (repository_id, id, kind, size_bytes, md5)
      SELECT held.repository_id, file.id, file.kind, file.size_bytes, file.md5
      FROM held, unnest($4::bytea[], $5::varchar[], $6::bigint[], $7::bytea[]) AS file (id, kind, size_bytes, md5)
      ORDER BY file.id
      ON CONFLICT (repository_id, id) DO UPDATE SET ordered_at = excluded.ordered_at
      RETURNING stored.repository_id, stored.id, kind, size_bytes, md5,
        is_verified OR is_committed AS is_stored, stored.xmax <> 0 AS is_repeated
    )
    SELECT repository_id, kind, size_bytes, md5, is_stored, is_repeated FROM booked ORDER BY id`,
};
