import { describe, expect, it } from '@jest/globals';
import { findCycle, importedPath, type SourceFile, sourceFiles } from './source-files.js';

/** Top to bottom: each imports only what stands below it. */
const LAYERS: ReadonlyArray<readonly [layer: string, reason: string]> = [
  ['composition', 'main.ts, app.module.ts and write-openapi.ts put everything together; nobody imports them'],
  ['agent', 'the process on a host; speaks the protocol, runs the engine, knows no rows'],
  ['cli', 'commands for people use whatever they need'],
  ['http', 'between the socket and the controllers: it knows all features’ error codes, no feature knows it'],
  ['health', 'asks what others depend on whether it stands; only http and main look at it'],
  ['snapshots', 'users’ view of workspaces: snapshots, restores, retention, proof'],
  ['agents', 'who may speak for a host, and what it is told'],
  ['repositories', 'workspaces’ repositories: opening, leases, orders, commits'],
  [
    'moves',
    'takes a user’s files into another bucket; needs everything that files are, and what things cost',
  ],
  ['usage', 'what a user’s buckets cost; reads everybody’s rows, nobody reads it'],
  ['local-files', 'files of this host that shall be in the bucket, and how they get there'],
  ['files', 'puts files into the bucket of a configuration and may point to local files'],
  ['sync-settings', 'what a user wants synchronised; files obey it'],
  ['webhooks', 'tells users’ programs what happened'],
  ['credentials', 'whose bucket it is and how it is opened; needs the caller and the providers'],
  ['jobs', 'durable work for whoever enqueues it'],
  ['auth', 'who calls; every feature asks, it asks nobody'],
  ['rest', 'the shapes that all controllers speak'],
  ['agent-protocol', 'what agents and servers say to each other'],
  ['snapshot-engine', 'restic repositories on an object storage; knows no users, rows or HTTP'],
  ['storage-providers', 'storage knows no users, rows or HTTP'],
  ['database', 'connections, migrations and statements; the entities are above it'],
  ['telemetry', 'log and metrics for all'],
  ['config', 'what the operator decided'],
  ['errors', 'the base of all errors imports nothing'],
];
const RANKS = new Map(LAYERS.map(([layer], rank) => [layer, rank]));

/** A folder that may hold anything soon holds everything. */
const DUMPING_GROUNDS = /(?:^|\/)(?:utils?|helpers?|common|shared|managers?|misc|lib)(?:\/|\.ts$)/;

const FRAMEWORK = /^(?:@nestjs\/|typeorm$|typeorm\/)/;
/** Inside the snapshot engine, top to bottom; its index.ts and worker entry stand above all of them. */
const ENGINE_LAYERS = [
  'archiver',
  'restorer',
  'browser',
  'maintenance',
  'snapshot',
  'repository',
  'blob-index',
  'pack',
  'compression',
  'crypto',
  'chunker',
  'filesystem',
  'workers',
  'progress',
  'errors',
];

const PLAIN_FOLDERS = ['src/storage-providers/', 'src/snapshot-engine/'];

const files = sourceFiles('src');
const byPath = new Map(files.map((file) => [file.path, file]));

function layerOf(path: string): string {
  const [, folder, ...rest] = path.split('/');
  return rest.length === 0 ? 'composition' : folder!;
}

function internalImports(file: SourceFile): string[] {
  return file.imports
    .map((specifier) => importedPath(file, specifier))
    .filter((path): path is string => path !== undefined && path.startsWith('src/'));
}

describe('the layers', () => {
  it('has a place for every folder', () => {
    const unknown = new Set(files.map((file) => layerOf(file.path)).filter((layer) => !RANKS.has(layer)));
    expect([...unknown]).toEqual([]);
  });

  it('lets each layer import only what stands below it', () => {
    const breaches = files.flatMap((file) =>
      internalImports(file)
        .filter((path) => layerOf(path) !== layerOf(file.path))
        .filter((path) => RANKS.get(layerOf(path))! < RANKS.get(layerOf(file.path))!)
        .map((path) => `${file.path} imports ${path}`),
    );
    expect(breaches).toEqual([]);
  });

  it('resolves every import of our own to a file', () => {
    const missing = files.flatMap((file) =>
      internalImports(file)
        .filter((path) => !byPath.has(path))
        .map((path) => `${file.path} imports ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('gathers entities only where everything is put together', () => {
    const importers = files
      .filter((file) => file.imports.some((specifier) => importedPath(file, specifier) === 'ormconfig.ts'))
      .map((file) => layerOf(file.path));
    expect(importers.filter((layer) => layer !== 'composition' && layer !== 'cli')).toEqual([]);
  });
});

describe('cycles', () => {
  it('has none between files', () => {
    expect(
      findCycle(new Map(files.map((file) => [file.path, new Set(internalImports(file))]))),
    ).toBeUndefined();
  });

  it('has none between the folders of a folder', () => {
    const parents = new Set(files.flatMap((file) => ancestors(file.path)));
    const cycles = [...parents].map((parent) => findCycle(siblingGraph(parent))).filter((cycle) => cycle);
    expect(cycles).toEqual([]);
  });
});

describe('names', () => {
  it('has no folder or file that says nothing', () => {
    expect(files.map((file) => file.path).filter((path) => DUMPING_GROUNDS.test(path))).toEqual([]);
  });

  it('is kebab-case throughout', () => {
    const kebab = /^src(?:\/[a-z0-9]+(?:-[a-z0-9]+)*)+(?:\.[a-z]+(?:-[a-z]+)*)*\.ts$/;
    expect(files.map((file) => file.path).filter((path) => !kebab.test(path))).toEqual([]);
  });
});

describe('storage and engine', () => {
  const plain = files.filter((file) => PLAIN_FOLDERS.some((folder) => file.path.startsWith(folder)));

  it('import the framework only in files with a dotted name', () => {
    const breaches = plain
      .filter((file) => !/\.[a-z-]+\.ts$/.test(file.path))
      .filter((file) => file.imports.some((specifier) => FRAMEWORK.test(specifier)));
    expect(breaches.map((file) => file.path)).toEqual([]);
  });

  it('never read the environment', () => {
    expect(plain.filter((file) => file.text.includes('process.env')).map((file) => file.path)).toEqual([]);
  });

  it('meet in three files: the engine knows the interface, the errors and the complete listing, nothing else', () => {
    const allowed = ['storage-provider', 'storage-errors', 'strict-list'].map(
      (name) => `src/storage-providers/${name}.ts`,
    );
    const breaches = plain
      .filter((file) => file.path.startsWith('src/snapshot-engine/'))
      .flatMap((file) => internalImports(file).map((path) => ({ file: file.path, path })))
      .filter(({ path }) => !path.startsWith('src/snapshot-engine/') && !allowed.includes(path));
    expect(breaches).toEqual([]);
  });
});

describe('the snapshot engine', () => {
  const engine = files.filter((file) => file.path.startsWith('src/snapshot-engine/'));
  /** -1 for what stands above all layers; undefined for a folder without a place. */
  const rank = (path: string): number | undefined => {
    const [, , folder, ...rest] = path.split('/');
    if (rest.length === 0) return -1;
    return ENGINE_LAYERS.includes(folder!) ? ENGINE_LAYERS.indexOf(folder!) : undefined;
  };

  it('has a place for every folder', () => {
    expect(engine.map((file) => file.path).filter((path) => rank(path) === undefined)).toEqual([]);
  });

  it('lets each folder import only what stands below it', () => {
    const breaches = engine.flatMap((file) =>
      internalImports(file)
        .filter((path) => path.startsWith('src/snapshot-engine/') && rank(path)! < rank(file.path)!)
        .map((path) => `${file.path} imports ${path}`),
    );
    expect(breaches).toEqual([]);
  });

  it('has one door', () => {
    const breaches = files
      .filter((file) => !file.path.startsWith('src/snapshot-engine/'))
      .flatMap((file) => internalImports(file).map((path) => ({ from: file.path, path })))
      .filter(
        ({ path }) => path.startsWith('src/snapshot-engine/') && path !== 'src/snapshot-engine/index.ts',
      );
    expect(breaches).toEqual([]);
  });
});

/** `src/http/openapi/x.ts` gives `src` and `src/http`. */
function ancestors(path: string): string[] {
  const parts = path.split('/').slice(0, -2);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** The folders directly in `parent`, and who imports whom. */
function siblingGraph(parent: string): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const file of files) {
    const from = childOf(parent, file.path);
    if (from === undefined) continue;
    const targets = graph.get(from) ?? new Set<string>();
    for (const path of internalImports(file)) {
      const to = childOf(parent, path);
      if (to !== undefined && to !== from) targets.add(to);
    }
    graph.set(from, targets);
  }
  return graph;
}

function childOf(parent: string, path: string): string | undefined {
  if (!path.startsWith(`${parent}/`)) return undefined;
  const [child, ...rest] = path.slice(parent.length + 1).split('/');
  return rest.length > 0 ? `${parent}/${child}` : undefined;
}
