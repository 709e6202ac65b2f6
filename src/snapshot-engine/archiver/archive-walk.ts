import type { RemoteService } from '../workers/worker-service.js';
import { ArchiveLane } from './archive-lane.js';
import type { BlobClaims } from './blob-claims.js';
import type { DirectoryRecord, PreviousDirectory } from './directory-record.js';
import type { RulesHere } from './ignore-rules.js';
import type { PackUploads } from './pack-uploads.js';
import type { ResidentDirectory } from './resident-directory.js';
import { TreeAssembly } from './tree-assembly.js';
import type { ArchiveTurn, ArchiveTurnResult } from './turn.js';
import { TurnQueue } from './turn-queue.js';
import type { Visit } from './visit-plan.js';
import type { WalkTally } from './walk-tally.js';

/** Turns of one worker that are under way: one that it works on, one that waits for it. */
const TURNS_PER_LANE = 2;

export interface WalkSetup {
  readonly services: readonly RemoteService[];
  readonly claims: BlobClaims;
  readonly uploads: PackUploads;
  readonly tally: WalkTally;
  readonly rules: readonly RulesHere[];
  readonly previous: PreviousDirectory | undefined;
  /** Files that changed since then are read whatever they look like. */
  readonly trustedBeforeNs: bigint;
  readonly visit: Visit;
  readonly signal: AbortSignal;
  /** A tree of the previous snapshot that is not in memory; `undefined` when it cannot be had. */
  readonly loadTree: (id: string) => Promise<Uint8Array | undefined>;
  /** Called before a directory is listed, with its path relative to the root. */
  readonly beforeListing: (path: Buffer) => void;
  /** Called after every turn. */
  readonly onTurn: () => void;
}

export interface WalkedTree {
  readonly tree: string;
  readonly resident: ResidentDirectory | undefined;
}

/** Keeps the workers busy with one workspace until its tree is finished and every new blob is in a pack. */
export class ArchiveWalk {
  readonly #setup: WalkSetup;
  readonly #lanes: readonly ArchiveLane[];
  readonly #queue = new TurnQueue();
  readonly #assembly: TreeAssembly;
  #loading = 0;
  #enclose: ArchiveTurn['enclose'];
  #enclosed: string | undefined;
  #failure: { readonly error: unknown } | undefined;
  #sleeping: (() => void)[] = [];

  constructor(setup: WalkSetup) {
    this.#setup = setup;
    this.#lanes = setup.services.map((service, number) => new ArchiveLane(number, service));
    this.#assembly = new TreeAssembly({
      lanes: this.#lanes,
      queue: this.#queue,
      claims: setup.claims,
      tally: setup.tally,
      load: (record) => void this.#load(record),
    });
  }

  /** `undefined` when the root could not be listed. Rejects with the first failure, when no turn is under way. */
  async run(): Promise<WalkedTree | undefined> {
    const { visit, previous, rules } = this.#setup;
    this.#assembly.start(visit, previous, rules);
    await this.#driveAll();
    const { finished, resident } = this.#assembly.root!;
    return finished && { tree: finished.tree, resident };
  }

  /** Stores the directories above the workspace, innermost first; answers the id of the topmost tree. */
  async enclose(tree: string, directories: readonly Buffer[]): Promise<string> {
    if (directories.length === 0) return tree;
    this.#enclose = { tree, directories };
    await this.#driveAll();
    return this.#enclosed!;
  }

  async #driveAll(): Promise<void> {
    const drives = this.#lanes.flatMap((lane) =>
      Array.from({ length: TURNS_PER_LANE }, () => this.#drive(lane)),
    );
    await Promise.all(drives);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #drive(lane: ArchiveLane): Promise<void> {
    try {
      while (this.#failure === undefined && !this.#isDone()) {
        await this.#setup.uploads.room();
        this.#setup.signal.throwIfAborted();
        const turn = this.#nextTurn(lane);
        if (turn !== undefined) await this.#take(lane, turn);
        else if (!this.#isDone()) await new Promise<void>((resolve) => this.#sleeping.push(resolve));
      }
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#wakeAll();
  }

  #isDone(): boolean {
    const nothingOpen = this.#assembly.isDone && this.#loading === 0 && this.#enclose === undefined;
    return nothingOpen && this.#queue.isEmpty && this.#lanes.every((lane) => lane.isIdle);
  }

  #nextTurn(lane: ArchiveLane): ArchiveTurn | undefined {
    const directories = this.#queue.takeDirectories(lane.openDirectories);
    const files = this.#queue.takeFiles(lane.openFileBytes);
    const enclose = this.#enclose;
    if (directories.length + files.length === 0 && enclose === undefined && !lane.hasNews) return undefined;
    this.#enclose = undefined;
    lane.open(directories, files);
    return {
      ...lane.takeNews(),
      directories: directories.map((record) => this.#order(record)),
      files: files.map(({ id, path, sizeBytes }) => ({ id, path, sizeBytes })),
      ...(enclose !== undefined && { enclose }),
    };
  }

  #order(record: DirectoryRecord) {
    const order = record.order(this.#setup.trustedBeforeNs);
    if (order.partial === undefined) this.#setup.beforeListing(record.start.path);
    record.loaded = undefined;
    return order;
  }

  async #take(lane: ArchiveLane, turn: ArchiveTurn): Promise<void> {
    lane.turnsUnderWay += 1;
    try {
      this.#absorb(lane, await lane.service.call<ArchiveTurnResult>('turn', turn, turn.spareBuffers));
    } finally {
      lane.turnsUnderWay -= 1;
      this.#wakeAll();
    }
  }

  #absorb(lane: ArchiveLane, result: ArchiveTurnResult): void {
    const { claims, uploads, tally, onTurn } = this.#setup;
    for (const pack of result.packs) uploads.add(pack, (buffer) => lane.giveBuffer(buffer));
    if (result.asked.length > 0)
      lane.tellVerdict({ batch: result.batch, needed: claims.claim(result.asked) });
    lane.leftOver = result.openOrders;
    tally.countTurn(result);
    for (const outcome of result.directories) this.#assembly.takeDirectory(lane, outcome);
    for (const outcome of result.files) this.#assembly.takeFile(lane, outcome);
    for (const finished of result.trees) this.#assembly.takeTree(finished);
    this.#enclosed = result.enclosed ?? this.#enclosed;
    onTurn();
  }

  async #load(record: DirectoryRecord): Promise<void> {
    this.#loading += 1;
    try {
      record.loaded = await this.#setup.loadTree(record.start.previous!.tree);
      this.#queue.pushDirectory(record);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#loading -= 1;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#sleeping.splice(0)) wake();
  }
}
