import { parseArgs } from 'node:util';

export const USAGE = `npm run bench:agents -- [--only fleet,orders,idle] [--agents 500] [--minutes 5] [--interval 30] [--kib 64]
  --only      fleet: simulated agents against one server; orders: signatures a second; idle: a real agent with a
              workspace that does not change. All unless told
  --agents    simulated agents, each with one workspace
  --minutes   how long fleet and idle are measured
  --interval  seconds from one run of a workspace to the next
  --kib       what one run stores, in KiB
  --files     files of the workspace of idle, 100,000 unless told`;

const CASES = ['fleet', 'orders', 'idle'] as const;
export type Case = (typeof CASES)[number];

export interface Options {
  readonly only: ReadonlySet<Case>;
  readonly agents: number;
  readonly minutes: number;
  readonly intervalSeconds: number;
  readonly packBytes: number;
  readonly files: number;
}

/** @throws RangeError when the arguments make no sense */
export function readOptions(args: string[]): Options | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: CASES.join(',') },
      agents: { type: 'string', default: '500' },
      minutes: { type: 'string', default: '5' },
      interval: { type: 'string', default: '30' },
      kib: { type: 'string', default: '64' },
      files: { type: 'string', default: '100000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    only: new Set(values.only.split(',').map(caseOf)),
    agents: positive('agents', values.agents),
    minutes: positive('minutes', values.minutes),
    intervalSeconds: positive('interval', values.interval),
    packBytes: positive('kib', values.kib) * 1_024,
    files: positive('files', values.files),
  };
}

function caseOf(name: string): Case {
  const found = CASES.find((each) => each === name);
  if (found === undefined) throw new RangeError(`--only takes ${CASES.join(', ')}, not ${name}`);
  return found;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} takes a number above 0, not ${text}`);
  return value;
}
