import { hash } from 'node:crypto';
import { BlobIndex } from '../../../src/snapshot-engine/blob-index/blob-index.js';
import type { BlobCipher } from '../../../src/snapshot-engine/crypto/blob-cipher.js';
import { isRepositoryError } from '../../../src/snapshot-engine/errors/repository-error.js';
import { CommitCheck, type Commit } from '../../../src/snapshot-engine/maintenance/commit-check.js';
import type { BlobType } from '../../../src/snapshot-engine/pack/packed-blob.js';
import { PackWriter } from '../../../src/snapshot-engine/pack/pack-writer.js';
import { refreshIndexFiles, saveIndexFiles } from '../../../src/snapshot-engine/repository/index-files.js';
import { saveSealedFile } from '../../../src/snapshot-engine/repository/sealed-files.js';
import type { Node } from '../../../src/snapshot-engine/snapshot/node.js';
import { encodeSnapshot } from '../../../src/snapshot-engine/snapshot/snapshot.js';
import { encodeTree } from '../../../src/snapshot-engine/snapshot/tree.js';
import { isStorageError } from '../../../src/storage-providers/storage-errors.js';
import type { BlobName } from './watched-store.js';
import { HOUR_MS, MINUTE_MS, SLOWEST, type Process, type World } from './world.js';

const FOLDERS = 3;
const FILES_IN_FOLDER = 3;
/** Few, so that contents come back after they have been forgotten. */
const VERSIONS = 4;

interface Committed {
  readonly id: string;
  readonly blobs: ReadonlySet<BlobName>;
}

/** Archives a small workspace again and again, by the rules that keep a snapshot safe from a prune. */
export class Writer {
  readonly #world: World;
  readonly #name: string;
  readonly #versions = new Map<string, number>();
  #parent: Committed | undefined;
  /** Kept from run to run, as a resident archiver does: may know packs that are long gone. */
  #index = new BlobIndex();

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  async live(): Promise<void> {
    const { time, chance, counts } = this.#world;
    let process = this.#world.process(200);
    let check = new CommitCheck(process.repository, process.doomed);
    while (!this.#world.isOver) {
      await time.sleep(chance.between(5 * MINUTE_MS, 6 * HOUR_MS));
      try {
        await this.#run(process, check);
      } catch (error) {
        if (!isExpected(error)) throw error;
        this.#index = new BlobIndex();
        if (!process.files.stopped) continue;
        counts.crashes += 1;
        process = this.#world.process(200);
        check = new CommitCheck(process.repository, process.doomed);
        if (chance.happens(0.5)) this.#parent = undefined;
      }
    }
  }

  async #run({ files, repository, doomed }: Process, check: CommitCheck): Promise<void> {
    const { cipher, chance, counts, store, time } = this.#world;
    const begunMs = time.nowMs;
    if (chance.happens(0.6) || this.#index.packCount === 0) await this.#refresh(repository, doomed);
    const run = new Run(this.#index, cipher, this.#parent?.blobs);
    const tree = this.#archive(run);
    for (const pack of run.finish()) {
      await files.save('pack', pack.id, pack.bytes);
      this.#index.add(pack.id, pack.blobs);
    }
    if (chance.happens(0.3)) await time.sleep(chance.between(0, 1.1 * SLOWEST.maxSessionMs));
    this.#assertAwake(begunMs);
    await saveIndexFiles(files, cipher, this.#index);
    const commit: Commit = { packs: run.packs, parent: this.#parent?.id };
    await this.#ask(check, commit, 'refusals before the snapshot');
    this.#assertAwake(begunMs);
    // The machine may rest between the question and the act.
    if (chance.happens(0.4)) await time.sleep(chance.between(0, SLOWEST.maxRequestMs));
    const snapshot = { timeNs: BigInt(time.nowMs) * 1_000_000n, tree, paths: [`/${this.#name}`] };
    const id = await saveSealedFile(files, cipher, 'snapshot', encodeSnapshot(snapshot));
    try {
      await this.#ask(check, commit, 'refusals after the snapshot');
    } catch (error) {
      if (isRepositoryError(error, 'commit_refused')) await files.remove('snapshot', id);
      throw error;
    }
    store.commit(id, run.blobs);
    counts.commits += 1;
    this.#parent = { id, blobs: run.blobs };
  }

  async #refresh({ files, cipher }: Process['repository'], doomed: Process['doomed']): Promise<void> {
    this.#index = new BlobIndex();
    await refreshIndexFiles(files, cipher, this.#index);
    for (const { id } of await doomed.list()) this.#index.removePack(id);
  }

  /** Clocks cannot be set back here, but a machine can sleep. */
  #assertAwake(begunMs: number): void {
    if (this.#world.time.nowMs - begunMs <= SLOWEST.maxSessionMs) return;
    this.#world.counts['overslept sessions'] += 1;
    this.#index = new BlobIndex();
    throw new Overslept();
  }

  async #ask(check: CommitCheck, commit: Commit, refusals: keyof World['counts']): Promise<void> {
    try {
      await check.assertCommittable(commit);
    } catch (error) {
      if (isRepositoryError(error, 'commit_refused')) this.#world.counts[refusals] += 1;
      throw error;
    }
  }

  #archive(run: Run): string {
    const { chance } = this.#world;
    const folders: Node[] = [];
    for (let folder = 0; folder < FOLDERS; folder += 1) {
      const nodes: Node[] = [];
      for (let file = 0; file < FILES_IN_FOLDER; file += 1) {
        const path = `${folder}/${file}`;
        if (chance.happens(0.3)) this.#versions.set(path, chance.below(VERSIONS));
        const content = `${this.#shared(path)} version ${this.#versions.get(path) ?? 0}`;
        nodes.push({ ...NODE, name: Buffer.from(`file-${file}`), content: [run.store('data', content)] });
        if (chance.happens(0.15)) run.closePack();
      }
      const subtree = run.store('tree', encodeTree(nodes));
      folders.push({ ...NODE, type: 'dir', name: Buffer.from(`folder-${folder}`), subtree });
    }
    return run.store('tree', encodeTree(folders));
  }

  /** Half of the workspace is the same with all writers. */
  #shared(path: string): string {
    return path.startsWith('0') ? path : `${this.#name}/${path}`;
  }
}

/** Ends a run as a lost connection does. */
class Overslept extends Error {}

function isExpected(error: unknown): boolean {
  return isStorageError(error) || isRepositoryError(error, 'commit_refused') || error instanceof Overslept;
}

const NODE: Node = {
  name: Buffer.alloc(0),
  type: 'file',
  mode: 0o644,
  mtimeNs: 0n,
  atimeNs: 0n,
  ctimeNs: 0n,
  uid: 0,
  gid: 0,
};

/** What one run stores, and what it relies on. */
class Run {
  readonly blobs = new Set<BlobName>();
  readonly packs = new Set<string>();
  readonly #index: BlobIndex;
  readonly #writers: Record<BlobType, PackWriter>;
  readonly #parentBlobs: ReadonlySet<BlobName> | undefined;
  readonly #finished: ReturnType<PackWriter['finish']>[] = [];

  constructor(index: BlobIndex, cipher: BlobCipher, parentBlobs: ReadonlySet<BlobName> | undefined) {
    this.#index = index;
    this.#writers = { data: new PackWriter(cipher), tree: new PackWriter(cipher) };
    this.#parentBlobs = parentBlobs;
  }

  store(type: BlobType, content: string | Buffer): string {
    const id = hash('sha256', content, 'hex');
    const name = `${type} ${id}`;
    if (this.blobs.has(name)) return id;
    this.blobs.add(name);
    if (this.#parentBlobs?.has(name)) return id;
    const known = this.#index.find(type, id);
    if (known !== undefined) this.packs.add(known.packId);
    else this.#writers[type].add(id, type, Buffer.from(content));
    return id;
  }

  closePack(): void {
    for (const writer of Object.values(this.#writers)) {
      if (writer.blobCount === 0) continue;
      const pack = writer.finish();
      this.packs.add(pack.id);
      this.#finished.push(pack);
    }
  }

  finish(): readonly ReturnType<PackWriter['finish']>[] {
    this.closePack();
    return this.#finished;
  }
}
