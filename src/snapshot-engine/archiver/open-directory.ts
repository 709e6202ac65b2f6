import { entryStatusIfAny, FILE_TYPE, type EntryStatus } from '../filesystem/entry-status.js';
import { closeFd } from '../filesystem/open-beneath.js';
import { goModeOf } from '../snapshot/file-mode.js';
import type { Node } from '../snapshot/node.js';
import { encodeNode, treeOf } from '../snapshot/tree.js';
import { joinPath, type ArchiveContext } from './archive-context.js';
import { CACHE_TAG_FILE, IGNORE_FILE } from './archive-policy.js';
import { MAX_NAMES_PER_DIRECTORY } from './changed-entries.js';
import { isForeign, listDirectory, openListed, type DirectoryListing } from './directory-listing.js';
import { nodeOfEntry, type EntryPlace } from './entry-node.js';
import { EntryTally } from './entry-tally.js';
import { isRacy } from './file-reading.js';
import { problemOf } from './found-problem.js';
import { allPreviousNodes, type PreviousNodes } from './previous-nodes.js';
import { readSmallFile, SMALL_FILE_BYTES } from './small-file.js';
import { TreePatch } from './tree-patch.js';
import {
  ASKED_DATA,
  type ChildDirectory,
  type DirectoryCompletion,
  type DirectoryOrder,
  type FileOutcome,
  type LargeFile,
} from './turn.js';
import type { TurnOutput } from './turn-output.js';

/** What has become of an entry: nothing, its JSON, or a node that waits for its tree or its content. */
type Entry = undefined | string | { readonly node: Node; readonly child?: number; readonly large?: number };

/** `changed`: try again. `full`: the turn has no room for the file. */
type Look = 'done' | 'changed' | 'full';

/** More entries are looked at in the next turn. */
const MAX_ENTRIES_PER_TURN = 2_048;
/** How often an entry is tried that changes or vanishes meanwhile, or cannot be read. */
const ATTEMPTS = 2;
/** The tree of a directory that is not entered. */
const EMPTY_TREE = treeOf([]);

/** One directory on a worker: from its order to its tree. */
export class OpenDirectory {
  readonly id: number;
  readonly #order: DirectoryOrder;
  readonly #path: Buffer;
  readonly #context: ArchiveContext;
  readonly #patch: TreePatch | undefined;
  readonly #previous: PreviousNodes;
  readonly #tally = new EntryTally();
  /** One for each name of the listing. */
  readonly #entries: Entry[] = [];
  readonly #children: ChildDirectory[] = [];
  readonly #largeFiles: LargeFile[] = [];
  readonly #noted = { racy: [] as string[], linked: [] as string[], unread: [] as string[] };
  #reused = '';
  #listing: DirectoryListing | undefined;
  #next = 0;
  #matched = 0;
  #newlyLinked = false;

  constructor(order: DirectoryOrder, context: ArchiveContext) {
    this.id = order.id;
    this.#order = order;
    this.#path = joinPath(context.rootPath, order.path);
    this.#context = context;
    this.#patch = patchOf(order, context);
    this.#previous = this.#patch?.previous ?? allPreviousNodes(order.previous);
    if (this.#patch !== undefined) this.#tally.countUntouched(this.#patch.untouched);
  }

  /** Whether the tree can be made as soon as the directory has been looked at. */
  get isLeaf(): boolean {
    return this.#children.length === 0 && this.#largeFiles.length === 0;
  }

  /** The previous tree, if it is in memory. */
  get previousTree(): string | undefined {
    return this.#order.previous?.tree;
  }

  /** Does what the turn has room for; `true` when there is nothing left to look at, `'failed'` without a tree. */
  step(output: TurnOutput): boolean | 'failed' {
    try {
      if (!this.#lookAround(output)) return false;
    } catch (error) {
      output.problems.push(problemOf(error, this.#path));
      output.directories.push({ id: this.id, failed: true, ...NOTHING_FOUND });
      return 'failed';
    } finally {
      if (this.#listing !== undefined) output.currentFile = this.#path;
    }
    this.#report(output);
    this.close();
    return true;
  }

  /** The directory's tree, when those of its subdirectories and the content of its large files are known. */
  complete(parts: Omit<DirectoryCompletion, 'id'>): Buffer {
    const encoded = this.#entries.map((entry) => encodedEntry(entry, parts));
    return this.#patch?.apply(encoded) ?? treeOf(encoded.filter((node) => node !== undefined));
  }

  close(): void {
    if (this.#listing !== undefined) closeFd(this.#listing.directory);
    this.#listing = undefined;
  }

  #lookAround(output: TurnOutput): boolean {
    this.#listing ??= this.#list(output);
    const { names } = this.#listing;
    for (; this.#next < names.length; this.#next += 1) {
      output.entriesSeen += 1;
      if (output.entriesSeen > MAX_ENTRIES_PER_TURN) return false;
      if (this.#visit(this.#listing, names[this.#next]!, output) === 'full') return false;
      if (this.#entries.length === this.#next) this.#entries.push(undefined);
    }
    return true;
  }

  #list(output: TurnOutput): DirectoryListing {
    if (this.#patch !== undefined) return openListed(this.#order, this.#patch.names, this.#context);
    const listing = listDirectory(this.#order, this.#context);
    if (listing.ignoreFileTooLarge) {
      this.#noted.unread.push(IGNORE_FILE);
      output.problems.push({ path: this.#path, reason: 'ignore_file_too_large' });
    }
    return listing;
  }

  #report(output: TurnOutput): void {
    const { ignoreFile } = this.#listing ?? {};
    this.#tally.removed = this.#previous.count - this.#matched;
    output.directories.push({
      id: this.id,
      children: this.#children,
      largeFiles: this.#largeFiles,
      reused: this.#reused,
      ...(ignoreFile !== undefined && { ignoreFile }),
      partial: this.#patch !== undefined,
      counts: this.#tally.counts(),
      noted: this.#noted,
      newlyLinked: this.#newlyLinked,
    });
    this.#reused = '';
  }

  #visit(listing: DirectoryListing, name: Buffer, output: TurnOutput): Look {
    const path = joinPath(this.#path, name);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const place = { directory: listing.directory, name, path };
        const look = this.#lookAt(listing, place, output, attempt);
        if (look !== 'changed') return look;
      } catch (error) {
        const problem = problemOf(error, path);
        if (attempt < ATTEMPTS) continue;
        output.problems.push(problem);
        note(this.#noted.unread, name);
        return 'done';
      }
    }
  }

  #lookAt(listing: DirectoryListing, place: EntryPlace, output: TurnOutput, attempt: number): Look {
    const status = entryStatusIfAny(place.name, place.directory);
    if (status === undefined) {
      // Before the first look it is as if it had never been there.
      if (attempt > 1) output.problems.push({ path: place.path, reason: 'vanished', systemCode: 'ENOENT' });
      return 'done';
    }
    const type = status.mode & FILE_TYPE.mask;
    // Sockets mean nothing without the process behind them; restic leaves them out too.
    if (type === FILE_TYPE.socket || listing.isExcluded(place.name, type === FILE_TYPE.directory)) {
      this.#tally.excluded += 1;
      return 'done';
    }
    const previous = this.#previous.get(place.name);
    const node = nodeOfEntry(place, status, this.#context.owners);
    // Symbolic links and devices have them too.
    this.#noteLinks(place.name, node.links, previous?.links);
    const look =
      type === FILE_TYPE.file
        ? this.#addFile(place, node, status, previous, output, attempt)
        : this.#addOther(listing, place, node, status, previous, output);
    if (look === 'done' && previous !== undefined) this.#matched += 1;
    return look;
  }

  #addFile(
    place: EntryPlace,
    node: Node,
    status: EntryStatus,
    previous: Node | undefined,
    output: TurnOutput,
    attempt: number,
  ): Look {
    const kind = previous?.type === 'file' ? 'changed' : 'new';
    const known = this.#previous.unchangedContent(previous, status);
    if (known !== undefined) {
      for (const id of known) this.#reused += ASKED_DATA + id;
      return this.#keepFile({ ...node, content: known }, 'unmodified', output);
    }
    if (isRacy(status, this.#context.settledBeforeNs)) note(this.#noted.racy, place.name);
    if (status.sizeBytes > SMALL_FILE_BYTES) {
      this.#entries.push({ node, large: this.#largeFiles.length });
      this.#largeFiles.push({ name: place.name, sizeBytes: status.sizeBytes });
      this.#tally.countFile(kind, status.sizeBytes);
      return 'done';
    }
    if (status.sizeBytes === 0) return this.#keepFile({ ...node, content: [] }, kind, output);
    const file = readSmallFile(place.directory, place.name, status, output);
    if (file === undefined) return 'full';
    const { plaintext, stable } = file;
    if (!stable && attempt < ATTEMPTS) return 'changed';
    if (!stable) {
      note(this.#noted.racy, place.name);
      output.problems.push({ path: place.path, reason: 'changed_while_read' });
    }
    const content = plaintext.length === 0 ? [] : [output.askData(plaintext)];
    return this.#keepFile({ ...node, sizeBytes: plaintext.length, content }, kind, output);
  }

  #noteLinks(name: Buffer, links = 1, before = 1): void {
    if (links > 1) note(this.#noted.linked, name);
    this.#newlyLinked ||= links > before;
  }

  #keepFile(node: Node, kind: 'new' | 'changed' | 'unmodified', output: TurnOutput): Look {
    this.#entries.push(encodeNode(node));
    this.#tally.countFile(kind, node.sizeBytes ?? 0);
    output.filesDone += 1;
    output.bytesDone += node.sizeBytes ?? 0;
    return 'done';
  }

  #addOther(
    listing: DirectoryListing,
    place: EntryPlace,
    node: Node,
    status: EntryStatus,
    previous: Node | undefined,
    output: TurnOutput,
  ): Look {
    if (!isDirectory(status)) {
      const encoded = encodeNode(node);
      if (previous === undefined || encodeNode(previous) !== encoded) this.#tally.othersChanged += 1;
      this.#entries.push(encoded);
      return 'done';
    }
    if (status.deviceId !== listing.deviceId && isForeign(place.path, this.#context.policy)) {
      this.#entries.push(encodeNode({ ...node, subtree: output.askTree(EMPTY_TREE) }));
      return 'done';
    }
    this.#entries.push({ node, child: this.#children.length });
    this.#children.push({
      name: place.name,
      previous: previous?.subtree,
      same: previous?.type === 'dir' && previous.inode === node.inode,
      accessChanged: previous !== undefined && accessOf(previous) !== accessOf(node),
    });
    return 'done';
  }
}

const NOTHING_FOUND = {
  children: [],
  largeFiles: [],
  reused: '',
  partial: false,
  counts: new EntryTally().counts(),
  noted: { racy: [], linked: [], unread: [] },
  newlyLinked: false,
};

function isDirectory(status: EntryStatus): boolean {
  return (status.mode & FILE_TYPE.mask) === FILE_TYPE.directory;
}

/** `undefined` when all must be listed: the previous tree is not one of ours, or the whole directory is a cache. */
function patchOf({ previous, partial }: DirectoryOrder, { policy }: ArchiveContext): TreePatch | undefined {
  if (previous === undefined || partial === undefined) return undefined;
  const patch = new TreePatch(previous, partial);
  const isCache = policy.defaultExcludes && patch.has(CACHE_TAG_FILE);
  return isCache ? undefined : patch;
}

/** One more than a run can use says that there are too many. */
function note(names: string[], name: Buffer): void {
  if (names.length <= MAX_NAMES_PER_DIRECTORY) names.push(name.toString('latin1'));
}

/** Who may enter and list a directory. */
function accessOf({ mode, uid, gid, extendedAttributes = [] }: Node): string {
  const lists = extendedAttributes.map(({ name, value }) => `${name}=${value.toString('latin1')}`);
  return [mode, uid, gid, ...lists].join();
}

function encodedEntry(
  entry: Entry,
  { subtrees, files }: Omit<DirectoryCompletion, 'id'>,
): string | undefined {
  if (entry === undefined || typeof entry === 'string') return entry;
  if (entry.child !== undefined) {
    const subtree = subtrees[entry.child];
    return subtree && encodeNode({ ...entry.node, subtree });
  }
  const file = files[entry.large!]!;
  return file.status && encodeNode(withContent(entry.node, file, file.status));
}

/** The file as it was when its content was read, which may be later than when it was listed. */
function withContent(node: Node, { content }: FileOutcome, status: EntryStatus): Node {
  const { mtimeNs, ctimeNs, uid, gid, inode, links, sizeBytes } = status;
  const owner = uid === node.uid && gid === node.gid ? {} : { user: undefined, group: undefined };
  const mode = goModeOf(status.mode);
  return {
    ...node,
    ...owner,
    mode,
    mtimeNs,
    atimeNs: mtimeNs,
    ctimeNs,
    uid,
    gid,
    inode,
    links,
    sizeBytes,
    content,
  };
}
