import { afterAll, beforeAll, describe } from '@jest/globals';
import { FURTHER_ORDERS } from '../integration/repositories/order-matrix.js';
import { describeOrdersAt } from '../integration/repositories/orders.contract.js';
import { RepositoryWorld } from '../integration/repositories/repository-world.js';
import { openServedLocalDisk, type SigningStore } from '../integration/repositories/signing-stores.js';

/* The providers that the integration suite leaves out, because they take longer. */

describe('orders', () => {
  let store: SigningStore;
  let world: RepositoryWorld;

  beforeAll(async () => {
    store = await openServedLocalDisk();
    world = await RepositoryWorld.start(store.storage);
  });

  afterAll(async () => {
    await world.stop();
    await store.close();
  });

  describe.each(FURTHER_ORDERS)('at $provider', (row) => describeOrdersAt(row, () => world));
});
