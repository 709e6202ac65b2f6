import { contractRows } from './contract-matrix.js';
import { describeObjectStorage } from './object-storage.contract.js';

for (const { provider, server, open } of contractRows('local disk')) {
  describeObjectStorage(`${provider} on ${server}`, open);
}
