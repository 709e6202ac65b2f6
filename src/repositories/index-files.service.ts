import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { LeaseHold, StoreIndexRequest } from '../agent-protocol/messages.js';
import { MAX_INDEX_FILE_BYTES } from '../agent-protocol/protocol.js';
import { Statements } from '../database/statements.js';
import {
  isRepositoryError,
  openIndexFile,
  type Repository,
  type SealedFile,
} from '../snapshot-engine/index.js';
import { commitRefused, leaseLost, orderRefused } from './repositories-error.js';
import { Repositories } from './repositories.service.js';
import { bytesOf } from './stored-files.service.js';
import { UnprovenPacks } from './unproven-packs.service.js';

/** As many blobs as an index file has at most, each in a pack of its own. */
const MAX_PACKS = 50_000;

/**
 * Stores agents' index files. Whoever reads a repository reads all of them, so that one which cannot be opened, or which
 * points to where nothing is, would take all snapshots from everybody. No agent can write one into the bucket itself:
 * the server opens it, holds it against what the agent has ordered, and writes exactly these bytes. Whether the packs hold
 * what it says is another question: see unproven-packs.service.ts.
 */
@Injectable()
export class IndexFiles {
  constructor(
    private readonly statements: Statements,
    private readonly repositories: Repositories,
    private readonly unproven: UnprovenPacks,
  ) {}

  /**
   * Resolves when the file is durable and a commit may name it. May be repeated.
   * @throws RepositoriesError `lease_lost`; `order_refused` when it is no index file of this repository;
   *   `commit_refused` when it names packs that were never ordered, were deleted or will be: nothing was stored.
   *   What opening the repository throws; StorageError: the agent repeats it
   */
  async store(agentId: string, { access, id, bytes: base64 }: StoreIndexRequest): Promise<void> {
    const file = { id, bytes: Buffer.from(base64, 'base64') };
    assertNamed(file);
    const { repository_id, kind, is_stored } = await this.find(agentId, access, id);
    if (kind === 'pack') throw orderRefused(`${id} was ordered before as a pack`);
    if (is_stored) return;
    const { repository, files } = await this.repositories.open(repository_id);
    const packs = await readPacks(repository, file);
    await this.assertPacks(repository_id, packs);
    await this.unproven.note(repository_id, agentId, [...packs.keys()]);
    await files.save('index', id, file.bytes);
    await this.note(repository_id, file);
  }

  private async find(agentId: string, { workspace_id, fencing }: LeaseHold, id: string): Promise<FoundRow> {
    const values = [workspace_id, agentId, fencing, Buffer.from(id, 'hex')];
    const [row] = await this.statements.query<FoundRow>(FIND, values);
    if (row === undefined) throw leaseLost();
    return row;
  }

  private async assertPacks(repositoryId: string, ends: ReadonlyMap<string, number>): Promise<void> {
    const named = [bytesOf([...ends.keys()]), [...ends.values()]];
    const [wrong] = await this.statements.query<WrongPack>(FIND_WRONG_PACK, [repositoryId, ...named]);
    if (wrong === undefined) return;
    const { id, is_doomed, is_known } = wrong;
    // A host that was away for long may not know of a prune: it recovers from this, as at a commit.
    if (is_doomed) throw commitRefused(`pack ${id} is about to be deleted`);
    if (!is_known) throw commitRefused(`pack ${id} was never ordered, or has been deleted`);
    throw orderRefused(`the index file has a blob beyond the end of pack ${id}`);
  }

  private async note(repositoryId: string, { id, bytes }: SealedFile): Promise<void> {
    const md5 = Buffer.from(hash('md5', bytes), 'hex');
    await this.statements.query(NOTE, [repositoryId, Buffer.from(id, 'hex'), bytes.length, md5]);
  }
}

function assertNamed({ id, bytes }: SealedFile): void {
  if (bytes.length > MAX_INDEX_FILE_BYTES)
    throw orderRefused(`an index file has at most ${MAX_INDEX_FILE_BYTES} bytes`);
  if (hash('sha256', bytes) !== id) throw orderRefused('the bytes of the index file do not have its name');
}

/** By pack, where its last blob ends. */
async function readPacks(repository: Repository, file: SealedFile): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  try {
    for await (const { id, blobs } of openIndexFile(repository.cipher, file)) {
      if (ends.has(id) || blobs.length === 0)
        throw orderRefused('the index file names a pack without a blob or twice');
      if (ends.size === MAX_PACKS) throw orderRefused(`an index file names at most ${MAX_PACKS} packs`);
      ends.set(
        id,
        blobs.reduce((end, { offset, lengthBytes }) => Math.max(end, offset + lengthBytes), 0),
      );
    }
  } catch (error) {
    if (!isRepositoryError(error, 'damaged_repository')) throw error;
    throw orderRefused('this is no index file of this repository', { cause: error });
  }
  if (ends.size === 0) throw orderRefused('the index file names no pack');
  return ends;
}

interface FoundRow {
  readonly repository_id: string;
  /** Of the row that there is under this name already. */
  readonly kind: 'pack' | 'index' | null;
  readonly is_stored: boolean | null;
}

interface WrongPack {
  readonly id: string;
  readonly is_known: boolean;
  readonly is_doomed: boolean;
}

const FIND = {
  name: 'repositories_find_index_file',
  text: `SELECT l.repository_id, stored.kind, stored.is_verified OR stored.is_committed AS is_stored
    FROM workspaces w JOIN leases l ON l.repository_id = w.repository_id
      LEFT JOIN stored_packs stored ON stored.repository_id = l.repository_id AND stored.id = $4
    WHERE w.id = $1 AND l.agent_id = $2 AND l.fencing = $3 AND l.expires_at > now() AND w.deleted_at IS NULL`,
};

const FIND_WRONG_PACK = {
  name: 'repositories_find_wrong_pack',
  text: `SELECT encode(named.id, 'hex') AS id, stored.id IS NOT NULL AS is_known, doomed.id IS NOT NULL AS is_doomed
    FROM unnest($2::bytea[], $3::bigint[]) AS named (id, end_bytes)
      LEFT JOIN stored_packs stored ON stored.repository_id = $1 AND stored.id = named.id AND stored.kind = 'pack'
      LEFT JOIN doomed_packs doomed ON doomed.repository_id = $1 AND doomed.id = named.id
    WHERE stored.id IS NULL OR doomed.id IS NOT NULL OR named.end_bytes > stored.size_bytes
    ORDER BY named.id LIMIT 1`,
};

/** A pack of this name, ordered meanwhile, stays one. */
const NOTE = {
  name: 'repositories_note_index_file',
  text: `INSERT INTO stored_packs AS stored (repository_id, id, kind, size_bytes, md5, is_verified)
    VALUES ($1, $2, 'index', $3, $4, true)
    ON CONFLICT (repository_id, id) DO UPDATE SET is_verified = true WHERE stored.kind = 'index'`,
};
