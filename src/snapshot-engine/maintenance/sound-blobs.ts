import type { BlobIndex } from '../blob-index/blob-index.js';
import { LoopPacer } from '../blob-index/loop-pacer.js';
import type { BlobType, PackedBlob } from '../pack/packed-blob.js';
import { PackWriter } from '../pack/pack-writer.js';
import { readBlob } from '../pack/read-blob.js';
import { damageOfPack } from '../repository/bad-packs.js';
import type { RepositoryFileInfo } from '../repository/repository-files.js';
import { releaseMemory } from '../workers/release-memory.js';
import type { MaintainedRepository } from './maintained-repository.js';
import { packPieces } from './pack-blobs.js';
import { RowBits } from './row-bits.js';

export interface SoundBlobsSource extends MaintainedRepository {
  readonly packs: ReadonlyMap<string, RepositoryFileInfo>;
  readonly signal?: AbortSignal;
}

export interface SoundBlobs {
  readonly sound: readonly PackedBlob[];
  /** What is wrong with the first of the others. */
  readonly damage: string | undefined;
}

/** Reads blobs of one pack; `onSound` gets the sealed bytes of each that is what it should be. StorageErrors. */
export async function readSoundBlobs(
  { files, cipher, packs, signal }: SoundBlobsSource,
  packId: string,
  blobs: readonly PackedBlob[],
  onSound?: (blob: PackedBlob, sealed: Buffer) => Promise<void>,
): Promise<SoundBlobs> {
  const sizeBytes = packs.get(packId)?.sizeBytes ?? 0;
  // One beyond the end would spoil the request for its neighbours.
  const within = blobs.filter(({ offset, lengthBytes }) => offset + lengthBytes <= sizeBytes);
  const pacer = new LoopPacer();
  const sound: PackedBlob[] = [];
  let damage = within.length < blobs.length ? `Pack ${packId} ends before what it shall hold.` : undefined;
  const note = (error: unknown): void => {
    const found = damageOfPack(packId, error);
    if (found === undefined) throw error;
    damage ??= found.message;
  };
  try {
    for await (const piece of packPieces(files, packId, within, signal)) {
      for (const blob of piece.blobs) {
        if (pacer.isDue) await pacer.rest();
        const sealed = piece.sealed(blob)!;
        try {
          releaseMemory(readBlob(cipher, blob, sealed));
        } catch (error) {
          note(error);
          continue;
        }
        sound.push(blob);
        await onSound?.(blob, sealed);
      }
    }
  } catch (error) {
    note(error);
  }
  return { sound, damage };
}

/** Copies what packs that are given up for lies hold all the same. */
export class SoundBlobRescue {
  readonly #source: SoundBlobsSource & { readonly index: BlobIndex };
  readonly #writers: Readonly<Record<BlobType, PackWriter>>;
  readonly #copied = new RowBits();
  readonly #newPacks: string[] = [];

  /** The index learns of the new packs. */
  constructor(source: SoundBlobsSource & { readonly index: BlobIndex }) {
    this.#source = source;
    const { cipher } = source;
    this.#writers = { data: new PackWriter(cipher), tree: new PackWriter(cipher) };
  }

  /** Those blobs of a pack that are what they should be, once, but for what `isSafe` elsewhere. */
  async copyFrom(packId: string, isSafe: (blob: PackedBlob) => boolean): Promise<void> {
    const { index } = this.#source;
    const wanted = (index.pack(packId)?.blobs() ?? []).filter((blob) => !isSafe(blob));
    await readSoundBlobs(this.#source, packId, wanted, async (blob, sealed) => {
      if (!this.#copied.add(index.rowOf(blob.type, blob.id))) return;
      const writer = this.#writers[blob.type];
      writer.addSealed(blob, sealed);
      if (writer.isFull) await this.#save(writer);
    });
  }

  /** Answers the new packs when they are durable. */
  async finish(): Promise<readonly string[]> {
    for (const writer of Object.values(this.#writers)) if (writer.blobCount > 0) await this.#save(writer);
    return this.#newPacks;
  }

  async #save(writer: PackWriter): Promise<void> {
    const { files, index, signal } = this.#source;
    const { id, bytes, blobs } = writer.finish();
    await files.save('pack', id, bytes, { signal });
    index.add(id, blobs);
    this.#newPacks.push(id);
  }
}

/** Everything that these packs are said to hold, each blob once. */
export function blobsIn(index: BlobIndex, packIds: Iterable<string>): PackedBlob[] {
  const blobs = new Map<string, PackedBlob>();
  for (const packId of packIds) {
    for (const blob of index.pack(packId)?.blobs() ?? []) blobs.set(blob.type + blob.id, blob);
  }
  return [...blobs.values()];
}
