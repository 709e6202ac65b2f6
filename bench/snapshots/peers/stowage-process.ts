import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, hostname, userInfo } from 'node:os';
import { basename, dirname } from 'node:path';
import type * as Engine from '../../../src/snapshot-engine/index.ts';
import type { Dialer, StorageProvider } from '../../../src/storage-providers/storage-provider.ts';
import type { Cost } from '../meter.ts';
import type { StepAnswer, StepRequest } from './stowage.ts';

/* One process with our engine. Its parent names the steps; it performs and measures them. */

const PASSWORD = 'bench';
/** What users run: the built engine. */
const built = (path: string) => new URL(`../../../dist/src/${path}`, import.meta.url);
const {
  archiveTarget,
  checkRepository,
  listSnapshots,
  ObjectRepositoryFiles,
  Repository,
  restoreSnapshot,
  WorkerPool,
  WorkspaceArchiver,
} = (await import(built('snapshot-engine/index.js').href)) as typeof Engine;
const { createDialer } = (await import(built('storage-providers/dialer.js').href)) as {
  createDialer: (options: { allowedPrivateEndpoints: []; resolve: () => Promise<[]> }) => Dialer;
};
const { localDisk } = (await import(built('storage-providers/providers/local-disk.js').href)) as {
  localDisk: StorageProvider;
};

const workers = new WorkerPool({
  threads: availableParallelism(),
  entry: built('snapshot-engine/engine-worker.js'),
});
let archiver: Engine.WorkspaceArchiver | undefined;

process.on('message', (request: StepRequest) => {
  void measured(() => perform(request)).then(
    (cost) => process.send!({ cost } satisfies StepAnswer),
    (error: Error) => process.send!({ failure: error.stack ?? error.message } satisfies StepAnswer),
  );
});
process.once('disconnect', () => {
  void Promise.all([archiver?.close(), workers.close()]);
});

async function perform({ step, tree, repository: path, target }: StepRequest): Promise<void> {
  const files = new ObjectRepositoryFiles(
    localDisk.connect(
      { bucket_name: basename(path) },
      {
        dialer: createDialer({ allowedPrivateEndpoints: [], resolve: async () => [] }),
        localDiskRoot: dirname(path),
        timeouts: { connectMs: 5_000, responseMs: 60_000, idleBodyMs: 60_000 },
      },
    ),
  );
  switch (step) {
    case 'create': {
      const repository = await Repository.create(files, { password: PASSWORD, now });
      archiver = new WorkspaceArchiver({
        target: archiveTarget(repository, await repository.loadIndex()),
        workers,
        workspace: tree,
        policy: { excludes: [], defaultExcludes: false, ignoreFiles: true, crossFileSystems: false },
        origin: { hostname: hostname(), username: userInfo().username },
        now,
      });
      return;
    }
    case 'snapshot': {
      const { problems } = await archiver!.run();
      if (problems.length > 0) throw new Error(JSON.stringify(problems.slice(0, 3)));
      return;
    }
    case 'restore': {
      const { repository, index, snapshot } = await latest(files);
      const { failed } = await restoreSnapshot(repository, index, snapshot, target!, { workers });
      if (failed.length > 0) throw new Error(JSON.stringify(failed.slice(0, 3)));
      return;
    }
    case 'check': {
      const { repository } = await latest(files);
      const { problemCount, problems } = await checkRepository(repository, { workers, readData: 'all' });
      if (problemCount > 0) throw new Error(JSON.stringify(problems.slice(0, 3)));
    }
  }
}

async function latest(files: Engine.RepositoryFiles) {
  const repository = await Repository.open(files, { password: PASSWORD, now });
  const { snapshots } = await listSnapshots(repository);
  const index = await repository.loadIndex();
  return { repository, index, snapshot: snapshots.at(-1)! };
}

async function measured(work: () => Promise<void>): Promise<Cost> {
  // 5 resets the peak (proc(5)).
  writeFileSync('/proc/self/clear_refs', '5');
  const startMs = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1];
  return {
    wallSeconds: (performance.now() - startMs) / 1_000,
    cpuSeconds: (user + system) / 1e6,
    peakRssMib: Number(peak) / 1_024,
  };
}

function now(): number {
  return Date.now();
}
