import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeAbort } from './verbs/abort.contract.js';
import type { ContractStore } from './verbs/contract-store.js';
import { describeCopy } from './verbs/copy.contract.js';
import { describeCreateOnly } from './verbs/create-only.contract.js';
import { describeErrors } from './verbs/errors.contract.js';
import { describeGet } from './verbs/get.contract.js';
import { describeKeys } from './verbs/keys.contract.js';
import { describeList } from './verbs/list.contract.js';
import { describeMultipart } from './verbs/multipart.contract.js';
import { describePut } from './verbs/put.contract.js';
import { describeSignedUrls } from './verbs/signed-urls.contract.js';

/**
 * What every object storage must do, whoever provides it. The same sentences are checked on the real servers and
 * on our doubles: a double that passes where a real server fails, or the other way round, is wrong.
 */
export function describeObjectStorage(name: string, openStore: () => Promise<ContractStore>): void {
  describe(name, () => {
    let store: ContractStore;
    const open = () => store;

    beforeAll(async () => {
      store = await openStore();
    });
    afterAll(() => store?.close());

    describePut(open);
    describeGet(open);
    describeList(open);
    describeKeys(open);
    describeMultipart(open);
    describeCopy(open);
    describeCreateOnly(open);
    describeSignedUrls(open);
    describeAbort(open);
    describeErrors(open);
  });
}
