import { parseArgs } from 'node:util';
import { delayed, type Operation, OPERATIONS } from './operations.ts';
import type { PeerName } from './peers/peer.ts';

export interface Options {
  readonly operations: readonly Operation[];
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  readonly quick: boolean;
  /** No round starts that would not end within this time. */
  readonly limitMinutes: number;
  /** Where the JSON lines go; standard output when absent. */
  readonly outFile?: string;
  /** Folder for CPU profiles of our server, one an operation; figures of such a run are not comparable. */
  readonly profileFolder?: string;
}

export const USAGE = `npm run bench:files -- [options]
  --quick             3 short rounds without the largest files, about 3 minutes
  --rounds N          rounds (7; with --quick 3)
  --only a,b          only these operations: ${OPERATIONS.map(({ name }) => name).join(', ')}
  --peers a,b         only these servers: bare, stowage (ratios need both)
  --sink-delay MS     also small uploads to a provider that answers MS later
  --minutes N         time limit (20; with --quick 4)
  --out FILE          JSON lines into FILE instead of standard output
  --profile FOLDER    CPU profiles of our server into FOLDER, with a summary of who spent the time
  --help`;

/** @throws Error when the arguments make no sense; its message tells what is possible */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      peers: { type: 'string' },
      'sink-delay': { type: 'string' },
      minutes: { type: 'string' },
      out: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const quick = values.quick;
  const slow =
    values['sink-delay'] === undefined ? [] : delayed(positive('--sink-delay', values['sink-delay'], 0));
  const profiling = values.profile !== undefined;
  return {
    operations: [...chosen('--only', values.only, OPERATIONS), ...slow],
    peers: profiling ? ['stowage'] : chosenPeers(values.peers),
    rounds: profiling ? 1 : positive('--rounds', values.rounds, quick ? 3 : 7),
    quick,
    limitMinutes: positive('--minutes', values.minutes, quick ? 4 : 20),
    outFile: values.out,
    profileFolder: values.profile,
  };
}

function chosenPeers(list: string | undefined): PeerName[] {
  const all: { name: PeerName }[] = [{ name: 'bare' }, { name: 'stowage' }];
  return chosen('--peers', list, all).map(({ name }) => name);
}

function chosen<Item extends { name: string }>(
  option: string,
  list: string | undefined,
  all: readonly Item[],
): Item[] {
  if (list === undefined) return [...all];
  const names = list.split(',');
  const unknown = names.filter((name) => !all.some((item) => item.name === name));
  if (unknown.length > 0) {
    throw new Error(`${option} knows ${all.map(({ name }) => name).join(', ')}, not ${unknown.join(', ')}`);
  }
  return all.filter(({ name }) => names.includes(name));
}

function positive(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${option} needs a positive number`);
  return value;
}
