import { contractRows } from '../contract/contract-matrix.js';
import { describeObjectStorage } from '../contract/object-storage.contract.js';

for (const { provider, server, open } of contractRows('radosgw')) {
  describeObjectStorage(`${provider} on ${server}`, open);
}
