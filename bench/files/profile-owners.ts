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

const SHOWN_OWNERS = 40;
const SHOWN_FUNCTIONS = 40;
const IDLE = new Set(['(idle)', '(program)', '(root)']);

/**
 * Self time by owner, a package or a file of ours: what Node and native code do on behalf of a caller is the caller's.
 * The second table names the functions themselves.
 */
export function ownersTable(profile: CpuProfile, requests: number): string {
  const times = selfTimes(profile);
  const owners = new Map<string, number>();
  const functions = new Map<string, number>();
  let total = 0;
  visit(profile.nodes, (node, owner) => {
    const time = times.get(node.id) ?? 0;
    const { functionName } = node.callFrame;
    if (time === 0 || IDLE.has(functionName)) return;
    total += time;
    add(owners, owner, time);
    add(functions, `${functionName || '(anonymous)'}  ${placeOf(node)}  for ${owner}`, time);
  });
  const show = (sums: Map<string, number>, count: number): string =>
    [...sums]
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(
        ([name, time]) => `${percent(time / total)}  ${(time / requests).toFixed(1).padStart(9)} us  ${name}`,
      )
      .join('\n');
  const busy = `main thread busy ${(total / requests).toFixed(0)} us/request`;
  return [busy, show(owners, SHOWN_OWNERS), '--', show(functions, SHOWN_FUNCTIONS)].join('\n');
}

/** Calls back for each node of the call tree with its owner: its own, or that of the nearest caller that has one. */
function visit(nodes: readonly ProfileNode[], see: (node: ProfileNode, owner: string) => void): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const descend = (node: ProfileNode, callersOwner: string): void => {
    const owner = ownerOf(node) ?? callersOwner;
    see(node, owner);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child) descend(child, owner);
    }
  };
  const [root] = nodes;
  if (root) descend(root, 'node');
}

function selfTimes({ samples = [], timeDeltas = [] }: CpuProfile): Map<number, number> {
  const times = new Map<number, number>();
  // A delta is the time before its sample, which belongs to the sample before it.
  samples.forEach((id, index) => add(times, id, timeDeltas[index + 1] ?? 0));
  return times;
}

function ownerOf({ callFrame: { url, functionName } }: ProfileNode): string | undefined {
  if (functionName === '(garbage collector)') return functionName;
  const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(url) ?? [];
  if (name !== undefined) return name;
  return url.startsWith('file:') ? url.replace(/^.*\/dist\//, '') : undefined;
}

function placeOf({ callFrame: { url, lineNumber } }: ProfileNode): string {
  return url === '' ? 'native' : `${url.replace(/^.*\/(node_modules|dist)\//, '')}:${lineNumber + 1}`;
}

function add<Key>(sums: Map<Key, number>, key: Key, time: number): void {
  sums.set(key, (sums.get(key) ?? 0) + time);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1).padStart(5)} %`;
}
