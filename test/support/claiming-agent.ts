import { createHash } from 'node:crypto';
import type { LeaseGrant } from '../../src/agent-protocol/messages.js';
import { headerSizeBytes } from '../../src/snapshot-engine/pack/pack-header.js';
import type { PackedBlob } from '../../src/snapshot-engine/pack/packed-blob.js';
import { openIndexFile, Repository, type RepositoryFiles } from '../../src/snapshot-engine/index.js';
import { falseClaim } from './false-claims.js';
import { forgedCommit, type HostileAgent } from './hostile-agent.js';
import { noise } from './noise.js';
import { use } from './url-misuse.js';

/** A host that uses its lease to say of packs of garbage what they do not hold, all of it well-formed. */
export class ClaimingAgent {
  readonly #hostile: HostileAgent;
  readonly #lease: LeaseGrant;
  readonly #repository: Repository;

  constructor(hostile: HostileAgent, lease: LeaseGrant) {
    this.#hostile = hostile;
    this.#lease = lease;
    const { master_key: masterKey, config } = lease.repository;
    this.#repository = Repository.fromGrant(NO_FILES, { masterKey, config }, { now: Date.now });
  }

  get hold() {
    return { workspace_id: this.#lease.workspace_id, fencing: this.#lease.fencing };
  }

  /** Everything that the repository's index files name. @throws Error when it may not read them */
  async knownBlobs(): Promise<PackedBlob[]> {
    const listed = await this.#hostile.tell('listFiles', { access: this.hold, kind: 'index' });
    const { files } = listed.body as { files: { id: string }[] };
    const { gets } = await this.#hostile.order(this.hold, {
      gets: files.map(({ id }) => ({ kind: 'index', id })),
    });
    const blobs: PackedBlob[] = [];
    for (const [at, { url, headers }] of gets.entries()) {
      const response = await fetch(url, { headers });
      accepted(response.status, 'reading an index file');
      const file = { id: files[at]!.id, bytes: Buffer.from(await response.arrayBuffer()) };
      for await (const pack of openIndexFile(this.#repository.cipher, file)) blobs.push(...pack.blobs);
    }
    return blobs;
  }

  /**
   * Stores a pack of noise and an index file which says that it holds these blobs, and commits a snapshot of `tree` that
   * names both. @throws Error when any of it is refused
   */
  async claim(blobs: readonly PackedBlob[], tree: string): Promise<string> {
    const { packId, pack, index } = await falseClaim(this.#repository, blobs, (lengthBytes) =>
      noise(lengthBytes + headerSizeBytes(blobs), `lies of ${tree}`),
    );
    const order = {
      kind: 'pack',
      id: packId,
      size_bytes: pack.length,
      md5: createHash('md5').update(pack).digest('hex'),
    };
    const { puts } = await this.#hostile.order(this.hold, { puts: [order] });
    accepted(await use({ ...puts[0]!, body: pack }), 'the pack');
    const stored = { access: this.hold, id: index.id, bytes: index.bytes.toString('base64') };
    accepted((await this.#hostile.tell('storeIndex', stored)).status, 'the index file');
    const commit = forgedCommit(this.#lease, { files: [packId, index.id], tree });
    accepted((await this.#hostile.tell('commit', commit)).status, 'the snapshot');
    return packId;
  }
}

function accepted(status: number, what: string): void {
  if (status >= 300) throw new Error(`${what} was refused with ${status}`);
}

/** Sealing and opening ask for none. */
const NO_FILES = {} as RepositoryFiles;
