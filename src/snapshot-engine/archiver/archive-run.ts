import { RepositoryError } from '../errors/repository-error.js';
import type { FinishedPack } from '../pack/pack-writer.js';
import { ProgressMeter, type ProgressCounts } from '../progress/progress-meter.js';
import type { ProgressListener } from '../progress/progress.js';
import type { RemoteService, Workers } from '../workers/worker-service.js';
import type { ArchivePolicy } from './archive-policy.js';
import type { ArchiveTarget } from './archive-target.js';
import { ArchiveWalk, type WalkedTree } from './archive-walk.js';
import { BlobClaims } from './blob-claims.js';
import type { PreviousDirectory } from './directory-record.js';
import { rulesOfRoot } from './ignore-rules.js';
import { IndexSaves, type UnlistedLimits } from './index-saves.js';
import { PackUploads, type UploadLimits } from './pack-uploads.js';
import { StoredBlobs } from './stored-blobs.js';
import type { ArchiveSessionInit } from './turn.js';
import type { Visit } from './visit-plan.js';
import { WalkTally } from './walk-tally.js';

/** Time stamps of file systems can be this coarse. */
const TIMESTAMP_RESOLUTION_NS = 2_000_000_000n;

export interface RunRequest {
  readonly target: ArchiveTarget;
  readonly workers: Workers;
  readonly workspace: Buffer;
  /** The workspace and the directories above it that the snapshot shows, innermost first. */
  readonly enclosing: readonly Buffer[];
  readonly policy: ArchivePolicy;
  readonly previous: PreviousDirectory | undefined;
  /** When the previous snapshot's run began. */
  readonly previousStartNs: bigint;
  /** Something of the workspace's own node has changed, which its tree does not show. */
  readonly rootChanged: boolean;
  readonly visit: Visit;
  readonly keepTrees: boolean;
  readonly startNs: bigint;
  readonly limits: UploadLimits;
  readonly unlisted: UnlistedLimits;
  readonly signal: AbortSignal;
  readonly beforeListing: (path: Buffer) => void;
  readonly onProgress: ProgressListener | undefined;
}

export interface RunOutcome {
  readonly workspace: WalkedTree;
  /** Root tree of a snapshot; `undefined` when nothing differs from `previous`. */
  readonly tree: string | undefined;
  readonly tally: WalkTally;
  readonly stored: StoredBlobs;
}

/**
 * Reads the workspace and stores what is new in it: afterwards all packs and their index files are durable, and a
 * snapshot may be written. When it fails, the index knows exactly the packs that are durable.
 */
export async function runArchive(request: RunRequest): Promise<RunOutcome> {
  const { target, signal, limits, unlisted } = request;
  const stored = new StoredBlobs();
  const claims = new BlobClaims(target.index);
  const indexes = new IndexSaves(target, signal, unlisted);
  const stopped = new AbortController();
  const uploads = new PackUploads(target.files, limits, AbortSignal.any([signal, stopped.signal]), (pack) => {
    claims.settle(pack);
    stored.count(pack);
    indexes.count(pack);
  });
  const services = await request.workers.open('archive', sessionInit(request));
  try {
    const outcome = await walkAndStore(request, services, claims, uploads);
    await uploads.drain();
    await indexes.finish();
    return { ...outcome, stored };
  } catch (error) {
    stopped.abort();
    await uploads.drain().catch(() => undefined);
    await indexes.settle();
    throw error;
  } finally {
    await Promise.all(services.map(endSession));
  }
}

async function walkAndStore(
  request: RunRequest,
  services: readonly RemoteService[],
  claims: BlobClaims,
  uploads: PackUploads,
): Promise<Omit<RunOutcome, 'stored'>> {
  const { target, signal, previous, visit, enclosing, policy } = request;
  const tally = new WalkTally();
  const progress = new ProgressMeter(request.onProgress);
  const walk = new ArchiveWalk({
    services,
    claims,
    uploads,
    tally,
    rules: rulesOfRoot(policy),
    previous,
    trustedBeforeNs: request.previousStartNs - TIMESTAMP_RESOLUTION_NS,
    visit,
    signal,
    loadTree: (id) => target.loadTree(id, { signal }),
    beforeListing: request.beforeListing,
    onTurn: () => progress.update(progressOf(tally)),
  });
  const workspace = await walk.run();
  if (workspace === undefined) throw unreadable(request.workspace, tally);
  const changed = workspace.tree !== previous?.tree || (request.rootChanged && enclosing.length > 0);
  const tree = changed ? await walk.enclose(workspace.tree, enclosing) : undefined;
  for (const pack of await lastPacks(services)) uploads.add(pack);
  progress.finish();
  return { workspace, tree, tally };
}

/** What the workers have left, in one pack of each type. */
async function lastPacks(services: readonly RemoteService[]): Promise<readonly FinishedPack[]> {
  const left = (
    await Promise.all(services.map((service) => service.call<FinishedPack[]>('drain', undefined)))
  ).flat();
  const packs: FinishedPack[] = [];
  for (const type of ['data', 'tree'] as const) {
    const ofType = left.filter(({ blobs }) => blobs[0]!.type === type);
    if (ofType.length < 2) packs.push(...ofType);
    else packs.push(...(await services[0]!.call<FinishedPack[]>('merge', ofType, ofType.map(bufferUnder))));
  }
  return packs;
}

/** Totals are what has been found so far: they grow while the tree is still being walked. */
function progressOf({
  filesDone,
  bytesDone,
  totalFiles,
  totalBytes,
  currentFile,
}: WalkTally): ProgressCounts {
  return {
    phase: 'read',
    filesDone,
    filesTotal: totalFiles,
    bytesDone,
    bytesTotal: totalBytes,
    currentFile: currentFile && Buffer.from(currentFile).toString(),
  };
}

function bufferUnder({ bytes }: FinishedPack): ArrayBuffer {
  return bytes.buffer;
}

function sessionInit({ workspace, target, policy, startNs, keepTrees }: RunRequest): ArchiveSessionInit {
  const { masterKey, chunkerKind, chunkerPolynomial } = target;
  const settledBeforeNs = startNs - TIMESTAMP_RESOLUTION_NS;
  return {
    rootPath: workspace,
    masterKey,
    chunkerKind,
    chunkerPolynomial,
    policy,
    settledBeforeNs,
    keepTrees,
  };
}

async function endSession(service: RemoteService): Promise<void> {
  // A dead thread has nothing open.
  await service.call('end', undefined).catch(() => undefined);
  await service.close().catch(() => undefined);
}

function unreadable(workspace: Buffer, { problems }: WalkTally): RepositoryError {
  const shown = workspace.toString();
  const code = problems[0]?.systemCode ?? 'unknown error';
  return new RepositoryError(
    'workspace_unreadable',
    `The workspace ${shown} cannot be read: ${code}.`,
    shown,
  );
}
