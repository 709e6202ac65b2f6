import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import type { RestoreOptions } from '../../src/snapshot-engine/restorer/restore-options.js';
import {
  restoreSnapshot,
  type RestorableSnapshot,
  type RestoreResult,
} from '../../src/snapshot-engine/restorer/restore-snapshot.js';
import { engineThreads, PASSWORD } from './archive-maker.js';
import { localRepositoryAt } from './local-repository.js';

/** What a restoring process is told. */
export interface RestoringSettings {
  /** Root of the local repository. */
  readonly repository: string;
  readonly snapshot: RestorableSnapshot;
  readonly target: string;
  /** Path in the snapshot that becomes the target. */
  readonly from?: string;
  /** Everything unless told. */
  readonly paths?: readonly string[];
  readonly options: Pick<RestoreOptions, 'into' | 'specialFiles' | 'privileges' | 'attributes' | 'verify'>;
}

/** What it tells; `begins`: reading the target and the trees; `writes`: the first file is on its way. */
export type RestoringMessage =
  | { readonly event: 'begins' | 'writes' }
  | { readonly event: 'ends'; readonly result: RestoreResult }
  | { readonly event: 'fails'; readonly name: string; readonly message: string };

/* A process to be killed, or to run as somebody else: restores one snapshot and says how far it is. */
const {
  repository: root,
  snapshot,
  target,
  from,
  paths,
  options,
} = JSON.parse(process.argv[2]!) as RestoringSettings;
const tell = (message: RestoringMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

const place = localRepositoryAt(root);
const repository = await Repository.open(place.files, { password: PASSWORD, now: () => Date.now() });
const index = await repository.loadIndex();
const workers = engineThreads(2);
let writes = false;
tell({ event: 'begins' });
try {
  const result = await restoreSnapshot(repository, index, snapshot, target, {
    ...options,
    ...(from !== undefined && { from: Buffer.from(from) }),
    ...(paths && { paths: paths.map((path) => Buffer.from(path)) }),
    workers,
    onProgress: ({ phase }) => {
      if (phase === 'write' && !writes) tell({ event: 'writes' });
      writes ||= phase === 'write';
    },
  });
  tell({ event: 'ends', result });
} catch (error) {
  const { name, message } = error as Error;
  tell({ event: 'fails', name, message });
}
await workers.close();
await place.storage.close();
