import { Agent } from './agent.entity.js';
import { DoomedPack } from './doomed-pack.entity.js';
import { Lease } from './lease.entity.js';
import { RepositoryRow } from './repository.entity.js';
import { Restore } from './restore.entity.js';
import { SnapshotRow } from './snapshot.entity.js';
import { StoredPack } from './stored-pack.entity.js';
import { UnprovenPack } from './unproven-pack.entity.js';
import { Workspace } from './workspace.entity.js';

export const repositoryEntities = [
  Agent,
  DoomedPack,
  Lease,
  RepositoryRow,
  Restore,
  SnapshotRow,
  StoredPack,
  UnprovenPack,
  Workspace,
];
