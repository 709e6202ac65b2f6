import { hash } from 'node:crypto';
import { PlaintextArena, type ArenaPool } from './plaintext-arena.js';
import {
  ASKED_DATA,
  ASKED_TREE,
  type DirectoryOutcome,
  type FileOutcome,
  type FinishedTree,
  type FoundProblem,
} from './turn.js';

/** A blob that was hashed and waits for the answer whether it is new. */
export interface AskedBlob {
  readonly tree: boolean;
  readonly id: string;
  readonly plaintext: Buffer;
  /** Its zstd frame, if somebody has made it already. */
  readonly frame?: Buffer;
}

/** What one turn of a worker has found out so far. */
export class TurnOutput {
  readonly asked: AskedBlob[] = [];
  readonly directories: DirectoryOutcome[] = [];
  readonly files: FileOutcome[] = [];
  readonly trees: FinishedTree[] = [];
  readonly problems: FoundProblem[] = [];
  enclosed: string | undefined;
  filesDone = 0;
  bytesDone = 0;
  entriesSeen = 0;
  currentFile: Buffer | undefined;

  readonly #arenas: ArenaPool;
  #arena: PlaintextArena | undefined;

  constructor(arenas: ArenaPool) {
    this.#arenas = arenas;
  }

  /** Acquired when the first byte is read: most turns of a run without changes need none. */
  get arena(): PlaintextArena {
    this.#arena ??= this.#arenas.acquire();
    return this.#arena;
  }

  /** Nothing of the plaintext is needed any longer. */
  release(): void {
    if (this.#arena !== undefined) this.#arenas.release(this.#arena);
    this.#arena = undefined;
  }

  /** Hashes a chunk and asks whether it is new. `plaintext` must not change until the answer. */
  askData(plaintext: Buffer): string {
    const id = hash('sha256', plaintext, 'hex');
    this.asked.push({ tree: false, id, plaintext });
    return id;
  }

  askTree(plaintext: Buffer): string {
    const id = hash('sha256', plaintext, 'hex');
    this.asked.push({ tree: true, id, plaintext });
    return id;
  }

  /** Asks for a blob whose id is known. */
  ask(blob: AskedBlob): void {
    this.asked.push(blob);
  }

  askedRecords(): string {
    let records = '';
    for (const { tree, id } of this.asked) records += (tree ? ASKED_TREE : ASKED_DATA) + id;
    return records;
  }
}
