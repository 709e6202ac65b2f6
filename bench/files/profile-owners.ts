/** What Profiler.stop answers. https://chromedevtools.github.io/devtools-protocol/v8/Profiler/#type-Profile */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

const SHOWN_OWNERS = 25;
const SHOWN_FUNCTIONS = 30;
const IDLE = new Set(['(idle)', '(program)', '(root)']);

/**
 * Self time by owner: a package, a file of ours or a module of Node. Native code and Node's streams belong to
 * themselves; the second table names the functions.
 */
export function ownersTable(profile: CpuProfile, requests: number): string {
  const times = selfTimes(profile);
  const busy = [...times].filter(([node]) => !IDLE.has(node.callFrame.functionName));
  const total = busy.reduce((sum, [, time]) => sum + time, 0);
  const owners = group(busy, ({ callFrame }) => ownerOf(callFrame.url, callFrame.functionName));
  const functions = group(busy, ({ callFrame }) => {
    const place = `${ownerOf(callFrame.url, callFrame.functionName)}:${callFrame.lineNumber + 1}`;
    return `${callFrame.functionName || '(anonymous)'}  ${place}`;
  });
  const show = (entries: [string, number][], count: number): string =>
    entries
      .slice(0, count)
      .map(
        ([name, time]) => `${percent(time / total)}  ${(time / requests).toFixed(1).padStart(9)} us  ${name}`,
      )
      .join('\n');
  return `main thread busy ${(total / requests).toFixed(0)} us/request\n${show(owners, SHOWN_OWNERS)}\n--\n${show(functions, SHOWN_FUNCTIONS)}`;
}

function selfTimes({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Map<ProfileNode, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times = new Map<ProfileNode, number>();
  samples.forEach((id, index) => {
    const node = byId.get(id);
    // A delta is the time before its sample, which the sample's function is taken to have spent.
    if (node) times.set(node, (times.get(node) ?? 0) + (timeDeltas[index + 1] ?? 0));
  });
  return times;
}

function group(
  times: readonly (readonly [ProfileNode, number])[],
  nameOf: (node: ProfileNode) => string,
): [string, number][] {
  const sums = new Map<string, number>();
  for (const [node, time] of times) sums.set(nameOf(node), (sums.get(nameOf(node)) ?? 0) + time);
  return [...sums].sort(([, a], [, b]) => b - a);
}

function ownerOf(url: string, functionName: string): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native';
  if (url.startsWith('node:')) return url;
  const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(url) ?? [];
  return name ?? url.replace(/^.*\/dist\//, '');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1).padStart(5)} %`;
}
