import { hash } from 'node:crypto';
import { isStorageError } from '../../storage-providers/storage-errors.js';
import type { BlobIndex } from '../blob-index/blob-index.js';
import type { MasterKey } from '../crypto/master-key.js';
import { encodePackHeader } from '../pack/pack-header.js';
import type { PackedBlob } from '../pack/packed-blob.js';
import { inParallel } from '../repository/in-parallel.js';
import type { RepositoryFileInfo, RepositoryFiles } from '../repository/repository-files.js';
import { ownMemory } from '../workers/own-memory.js';
import { leastBusy } from '../workers/least-busy.js';
import type { RemoteService, Workers } from '../workers/worker-service.js';
import { error, warning, type CheckListener } from './check-problem.js';
import type { PackFinding, PackToCheck } from './check-worker.js';

/**
 * Which packs are read: all; these; a part of them that `seed` decides; or one of `of` shares, so that as many runs
 * read everything once, whatever is added or removed in between.
 */
export type ReadData =
  | 'none'
  | 'all'
  | { readonly percent: number; readonly seed: string }
  | { readonly share: number; readonly of: number }
  | { readonly ids: ReadonlySet<string> };

/** Called for each pack that was read as a whole and that an index names; sound: it holds what the index says. */
export type PackListener = (packId: string, isSound: boolean) => void;

/** Packs in memory: one being read for each that is being verified. */
const PACKS_PER_THREAD = 2;

export interface DataCheck {
  readonly files: RepositoryFiles;
  readonly masterKey: MasterKey;
  readonly workers: Workers;
  readonly index: BlobIndex;
  readonly packs: ReadonlyMap<string, RepositoryFileInfo>;
  readonly readData: ReadData;
  readonly onProblem: CheckListener;
  readonly onRead?: (bytes: number) => void;
  readonly onPackRead?: PackListener;
  readonly signal?: AbortSignal;
}

export interface DataCheckResult {
  readonly packs: number;
  readonly bytes: number;
  /** Packs that were listed and could not be found when they were to be read. */
  readonly vanished: readonly string[];
}

/** Reads packs as a whole and verifies every byte of them on worker threads. */
export async function checkData(check: DataCheck): Promise<DataCheckResult> {
  const { workers, masterKey, packs, readData } = check;
  const chosen = [...packs.values()].filter(({ id }) => isChosen(id, readData));
  const vanished: string[] = [];
  let bytes = 0;
  if (chosen.length === 0) return { packs: 0, bytes, vanished };
  const services = await workers.open('check', { masterKey });
  try {
    await inParallel(chosen, services.length * PACKS_PER_THREAD, async ({ id, sizeBytes }) => {
      if (!(await checkPack(check, id, services))) vanished.push(id);
      bytes += sizeBytes;
      check.onRead?.(sizeBytes);
    });
  } finally {
    await Promise.all(services.map((service) => service.close()));
  }
  return { packs: chosen.length - vanished.length, bytes, vanished };
}

function isChosen(packId: string, readData: ReadData): boolean {
  if (typeof readData === 'string') return readData === 'all';
  if ('ids' in readData) return readData.ids.has(packId);
  if ('of' in readData) return Number.parseInt(packId.slice(0, 8), 16) % readData.of === readData.share;
  const digest = hash('sha256', readData.seed + packId, 'hex');
  return Number.parseInt(digest.slice(0, 12), 16) / 2 ** 48 < readData.percent / 100;
}

/** `false` when the pack is gone. */
async function checkPack(
  { files, index, onProblem, onPackRead, signal }: DataCheck,
  packId: string,
  services: readonly RemoteService[],
): Promise<boolean> {
  const blobs = index
    .pack(packId)
    ?.blobs()
    .sort((left, right) => left.offset - right.offset);
  let bytes: Buffer;
  try {
    bytes = await files.load('pack', packId, { signal });
  } catch (cause) {
    if (isStorageError(cause, 'object_not_found')) return false;
    throw cause;
  }
  const owned = ownMemory(bytes);
  const expectedHeader = blobs && encodePackHeader(blobs);
  const input: PackToCheck = { packId, bytes: owned, expectedHeader };
  const service = leastBusy(services);
  let isSound = true;
  const listen: CheckListener = (problem) => {
    if (problem.severity === 'error') isSound = false;
    onProblem(problem);
  };
  for (const finding of await service.call<PackFinding[]>('checkPack', input, [owned.buffer])) {
    report(packId, finding, blobs, listen);
  }
  if (blobs !== undefined) onPackRead?.(packId, isSound);
  return true;
}

function report(
  packId: string,
  { kind, message, blob }: PackFinding,
  blobs: readonly PackedBlob[] | undefined,
  onProblem: CheckListener,
): void {
  const subject = `pack ${packId}`;
  if (kind === 'mixed_types' || kind === 'duplicate_blob')
    onProblem(warning('pack_unusual', subject, message));
  else if (blobs === undefined)
    onProblem(warning('pack_damaged', subject, `${message} No index names the pack.`));
  else if (kind === 'header') onProblem(error('pack_damaged', subject, message));
  else if (kind === 'differs') onProblem(error('index_wrong', subject, message, blobs));
  else onProblem(error('blob_damaged', subject, `${message} It lies in pack ${packId}.`, [blob!]));
}
