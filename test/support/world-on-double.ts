import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { awsS3 } from '../../src/storage-providers/providers/aws-s3.js';
import { openOnS3Double } from '../contract/open-stores.js';
import type { ContractStore } from '../contract/verbs/contract-store.js';
import type { PaperAgent } from '../integration/repositories/paper-agent.js';
import { RepositoryWorld } from '../integration/repositories/repository-world.js';

export interface WorldOnDouble {
  store: ContractStore;
  world: RepositoryWorld;
  /** A new one for each test, which holds the lease of its workspace. */
  agent: PaperAgent;
}

/** Servers with a bucket on the S3 double for all tests of the block that calls this, and an agent for each of them. */
export function worldOnDouble(): WorldOnDouble {
  const started = {} as WorldOnDouble;

  beforeAll(async () => {
    started.store = await openOnS3Double(awsS3, 'aws');
    started.world = await RepositoryWorld.start(started.store.storage);
  });

  beforeEach(async () => {
    const { world, store } = started;
    world.one.bucket.storage = store.storage;
    started.agent = await world.newAgent();
    await started.agent.takeLease();
  });

  afterAll(async () => {
    await started.world?.stop();
    await started.store?.close();
  });

  return started;
}
