import { hash, randomBytes } from 'node:crypto';
import type { LeaseGrant } from '../../src/agent-protocol/messages.js';
import { Repository, type RepositoryFiles, type SealedFile } from '../../src/snapshot-engine/index.js';

export interface SpoilingFacts {
  readonly lease: LeaseGrant;
  /** An index file of the repository, and a pack of another one. */
  readonly index: string;
  readonly foreignPack: string;
}

/** Index files with which a host that has the keys would keep everybody from reading a repository. */
export async function spoiledIndexes({ lease, index, foreignPack }: SpoilingFacts): Promise<SealedFile[]> {
  const keys = { masterKey: lease.repository.master_key, config: lease.repository.config };
  const repository = Repository.fromGrant(NO_FILES, keys, { now: Date.now });
  const garbage = randomBytes(4_096);
  const large = randomBytes(2 * 1_024 * 1_024);
  const blobs = [{ id: hash('sha256', garbage), type: 'data', offset: 0, length: 100 }];
  const sealed = (json: object) => repository.sealFile(Buffer.from(JSON.stringify(json)));
  return [
    { id: hash('sha256', garbage), bytes: garbage },
    { id: index, bytes: garbage },
    { id: hash('sha256', large), bytes: large },
    { id: hash('sha256', ''), bytes: Buffer.alloc(0) },
    await repository.sealFile(garbage),
    await sealed({ packs: [] }),
    await sealed({ packs: [{ id: hash('sha256', garbage), blobs }] }),
    await sealed({ packs: [{ id: foreignPack, blobs }] }),
    await sealed({ packs: [], supersedes: [index] }),
  ];
}

/** Sealing asks for none. */
const NO_FILES = {} as RepositoryFiles;
