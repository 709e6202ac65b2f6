import { hash } from 'node:crypto';
import { compressTree } from '../compression/blob-compression.js';
import { BlobCipher } from '../crypto/blob-cipher.js';
import { readOwnerNames } from '../filesystem/owner-names.js';
import { closeFd, openDirectory } from '../filesystem/open-beneath.js';
import { PackWriter, type FinishedPack } from '../pack/pack-writer.js';
import { releaseMemory } from '../workers/release-memory.js';
import { Transferring } from '../workers/worker-service.js';
import { bufferOf, type ArchiveContext } from './archive-context.js';
import { enclose } from './enclosing-trees.js';
import { IgnoreRules } from './ignore-rules.js';
import { OpenDirectory } from './open-directory.js';
import { OpenFile } from './open-file.js';
import type { ArenaPool } from './plaintext-arena.js';
import type { ArchiveSessionInit, ArchiveTurn, ArchiveTurnResult, DirectoryCompletion } from './turn.js';
import { TurnOutput, type AskedBlob } from './turn-output.js';
import { ZeroChunk } from './zero-chunk.js';
import { createChunker } from '../chunker/create-chunker.js';

/** One run on one worker: what it has open, the plaintext that waits for an answer, and its packs. */
export class ArchiveSession {
  readonly #context: ArchiveContext;
  readonly #init: ArchiveSessionInit;
  readonly #arenas: ArenaPool;
  readonly #packs: { readonly data: PackWriter; readonly tree: PackWriter };
  readonly #queue: (OpenDirectory | OpenFile)[] = [];
  /** Directories whose trees wait for those below. */
  readonly #waiting = new Map<number, OpenDirectory>();
  readonly #batches = new Map<number, TurnOutput>();
  #batchNumber = 0;
  #finished: FinishedPack[] = [];

  constructor(init: ArchiveSessionInit, arenas: ArenaPool) {
    const rootPath = bufferOf(init.rootPath);
    const { masterKey, chunkerKind, chunkerPolynomial: polynomial } = init;
    const chunker = createChunker(chunkerKind, { secret: masterKey.encryptionKey, polynomial });
    const cipher = new BlobCipher(masterKey);
    this.#init = init;
    this.#arenas = arenas;
    this.#packs = { data: new PackWriter(cipher), tree: new PackWriter(cipher) };
    this.#context = {
      root: openDirectory(rootPath),
      rootPath,
      policy: init.policy,
      rules: new IgnoreRules(init.policy),
      owners: readOwnerNames(),
      chunker,
      zeros: new ZeroChunk(chunker),
      settledBeforeNs: init.settledBeforeNs,
    };
  }

  turn(turn: ArchiveTurn): Transferring<ArchiveTurnResult> {
    for (const { batch, needed } of turn.verdicts) this.#store(batch, needed);
    for (const { key, text } of turn.ignoreFiles) this.#context.rules.add(key, bufferOf(text));
    for (const id of turn.forgotten) this.#waiting.delete(id);
    for (const buffer of turn.spareBuffers) this.#packs.data.recycle(buffer);
    const output = new TurnOutput(this.#arenas);
    for (const completion of turn.completions) this.#complete(completion, output);
    if (turn.enclose !== undefined) output.enclosed = enclose(turn.enclose, this.#context.owners, output);
    this.#queue.push(
      ...turn.directories.map((order) => new OpenDirectory(order, this.#context)),
      ...turn.files.map((order) => new OpenFile(order, this.#context)),
    );
    this.#work(output);
    return this.#answer(output);
  }

  /** The packs that are not full. */
  drain(): Transferring<readonly FinishedPack[]> {
    const packs = Object.values(this.#packs).flatMap((writer) =>
      writer.blobCount > 0 ? [writer.finish()] : [],
    );
    return new Transferring(packs, packs.map(bufferUnder));
  }

  /** Puts the blobs of several small packs of one type into as few as possible. */
  merge(packs: readonly FinishedPack[]): Transferring<readonly FinishedPack[]> {
    const writer = this.#packs[packs[0]!.blobs[0]!.type];
    const merged: FinishedPack[] = [];
    for (const { bytes, blobs } of packs) {
      for (const blob of blobs) {
        writer.addSealed(blob, bytes.subarray(blob.offset, blob.offset + blob.lengthBytes));
        if (writer.isFull) merged.push(writer.finish());
      }
    }
    if (writer.blobCount > 0) merged.push(writer.finish());
    return new Transferring(merged, merged.map(bufferUnder));
  }

  /** Closes what is open. The session takes no turn afterwards. */
  end(): void {
    for (const work of this.#queue.splice(0)) work.close();
    closeFd(this.#context.root);
  }

  #store(batch: number, needed: Uint8Array): void {
    const output = this.#batches.get(batch)!;
    this.#batches.delete(batch);
    output.asked.forEach((blob, i) => {
      if (needed[i] === 1) this.#seal(blob);
    });
    output.release();
  }

  #seal({ tree, id, plaintext, frame }: AskedBlob): void {
    const writer = tree ? this.#packs.tree : this.#packs.data;
    writer.add(id, tree ? 'tree' : 'data', plaintext, frame);
    if (tree) releaseMemory(plaintext);
    if (writer.isFull) this.#finished.push(writer.finish());
  }

  /** Works on the oldest order until it or the turn is done. */
  #work(output: TurnOutput): void {
    for (let work = this.#queue[0]; work !== undefined; work = this.#queue[0]) {
      const done = work.step(output);
      if (done === false) return;
      this.#queue.shift();
      if (!(work instanceof OpenDirectory) || done === 'failed') continue;
      if (work.isLeaf) this.#finish(work, { subtrees: [], files: [] }, output);
      else this.#waiting.set(work.id, work);
    }
  }

  #complete({ id, subtrees, files }: DirectoryCompletion, output: TurnOutput): void {
    const directory = this.#waiting.get(id)!;
    this.#waiting.delete(id);
    this.#finish(directory, { subtrees, files }, output);
  }

  #finish(directory: OpenDirectory, parts: Omit<DirectoryCompletion, 'id'>, output: TurnOutput): void {
    const bytes = directory.complete(parts);
    const tree = hash('sha256', bytes, 'hex');
    const frame = this.#init.keepTrees && tree !== directory.previousTree ? compressTree(bytes) : undefined;
    output.ask({ tree: true, id: tree, plaintext: bytes, ...(frame && { frame }) });
    const { length: sizeBytes } = bytes;
    output.trees.push({ id: directory.id, tree, sizeBytes, ...(frame && { compressed: frame }) });
  }

  #answer(output: TurnOutput): Transferring<ArchiveTurnResult> {
    this.#batchNumber += 1;
    if (output.asked.length > 0) this.#batches.set(this.#batchNumber, output);
    const packs = this.#finished;
    this.#finished = [];
    const { directories, files, trees, problems, enclosed, filesDone, bytesDone, currentFile } = output;
    const result: ArchiveTurnResult = {
      batch: this.#batchNumber,
      asked: output.askedRecords(),
      packs,
      directories,
      files,
      trees,
      problems,
      ...(enclosed !== undefined && { enclosed }),
      filesDone,
      bytesDone,
      ...(currentFile !== undefined && { currentFile }),
      openOrders: this.#queue.length,
    };
    return new Transferring(result, packs.map(bufferUnder));
  }
}

function bufferUnder({ bytes }: FinishedPack): ArrayBuffer {
  return bytes.buffer;
}
