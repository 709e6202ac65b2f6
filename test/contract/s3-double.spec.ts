import { contractRows } from './contract-matrix.js';
import { describeObjectStorage } from './object-storage.contract.js';

for (const { provider, server, open } of contractRows('s3 double')) {
  describeObjectStorage(`${provider} on ${server}`, open);
}
