import { mkdirSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DATASETS, type Dataset, prepared, sizeOf } from './datasets.ts';
import type { Cost } from './meter.ts';
import { CASES, type Case, type Peer, type PeerFolders } from './peers/peer.ts';
import { resticPeer } from './peers/restic.ts';
import { stowagePeer } from './peers/stowage.ts';
import { type Measurement, table } from './report.ts';

/* Compares the snapshot engine with stock restic, each in its own repository of the same tree. See bench/README.md. */

const USAGE = `npm run bench:snapshots -- [--only small,large,modules] [--rounds 3] [--folder FOLDER]
  --only     datasets, all unless told
  --rounds   repetitions of each, 3 unless told; the first peer changes every round
  --folder   where datasets are kept from run to run and repositories are made; about 60 GB`;

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: DATASETS.map(({ name }) => name).join(',') },
      rounds: { type: 'string', default: '3' },
      folder: { type: 'string', default: join(tmpdir(), 'stowage-bench-snapshots') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const names = values.only.split(',');
  const measurements: Measurement[] = [];
  console.error(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, load ${load()}`);
  const work = join(values.folder, 'work');
  rmSync(work, { recursive: true, force: true });
  for (const dataset of DATASETS.filter(({ name }) => names.includes(name))) {
    const tree = prepared(dataset, values.folder);
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      const order = round % 2 === 1 ? [resticPeer, stowagePeer] : [stowagePeer, resticPeer];
      for (const makePeer of order) {
        const place = join(work, `${round}-${makePeer.name}`);
        measurements.push(...(await measurePeer(dataset, { tree, place }, makePeer, round)));
      }
    }
    // Not before: ext4 makes files ever more slowly for minutes after many were removed.
    rmSync(work, { recursive: true, force: true });
  }
  console.log(table(measurements));
}

async function measurePeer(
  dataset: Dataset,
  { tree, place }: { readonly tree: string; readonly place: string },
  makePeer: (folders: PeerFolders) => Peer,
  round: number,
): Promise<Measurement[]> {
  mkdirSync(place, { recursive: true });
  const repository = join(place, 'repository');
  const peer = makePeer({ tree, repository });
  const measurements: Measurement[] = [];
  try {
    await peer.create();
    for (const step of CASES) {
      const cost = await perform(step, peer, () => dataset.change(tree, round), join(place, 'restored'));
      const repositoryBytes = step === 'first' ? sizeOf(repository) : undefined;
      measurements.push({ dataset: dataset.name, peer: peer.name, step, round, repositoryBytes, ...cost });
      console.error(
        `${dataset.name.padEnd(8)} round ${round} ${peer.name.padEnd(8)} ${step.padEnd(10)}` +
          `${cost.wallSeconds.toFixed(2)} s, CPU ${cost.cpuSeconds.toFixed(2)} s, RSS ${cost.peakRssMib.toFixed(0)} MiB, load ${load()}`,
      );
    }
    return measurements;
  } finally {
    await peer.close();
  }
}

async function perform(step: Case, peer: Peer, change: () => void, target: string): Promise<Cost> {
  if (step === 'restore') return peer.restore(target);
  if (step === 'check') return peer.check();
  if (step === 'few') change();
  return peer.snapshot();
}

function load(): string {
  return loadavg()[0]!.toFixed(1);
}
