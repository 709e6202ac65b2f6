import type { DirectoryEntry } from '../filesystem/directory-entries.js';
import { entryStatusIfAny, FILE_TYPE, type EntryStatus } from '../filesystem/entry-status.js';
import { closeFd } from '../filesystem/open-beneath.js';
import { goModeOf } from '../snapshot/file-mode.js';
import type { Node } from '../snapshot/node.js';
import { encodeNode, treeOf } from '../snapshot/tree.js';
import { bufferOf, joinPath, type ArchiveContext } from './archive-context.js';
import { isForeign, listDirectory, type DirectoryListing } from './directory-listing.js';
import { nodeOfEntry, type EntryPlace } from './entry-node.js';
import { EntryTally } from './entry-tally.js';
import { isRacy } from './file-reading.js';
import { problemOf } from './found-problem.js';
import { PreviousNodes } from './previous-nodes.js';
import { readSmallFile, SMALL_FILE_BYTES } from './small-file.js';
import {
  ASKED_DATA,
  type ChildDirectory,
  type DirectoryCompletion,
  type DirectoryOrder,
  type FileOutcome,
  type LargeFile,
} from './turn.js';
import type { TurnOutput } from './turn-output.js';

/** What has become of an entry: its JSON, or a node that waits for its tree or its content. */
type Entry = string | { readonly node: Node; readonly child?: number; readonly large?: number };

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
  readonly #previous: PreviousNodes;
  readonly #tally = new EntryTally();
  #entries: Entry[] = [];
  #children: ChildDirectory[] = [];
  #largeFiles: LargeFile[] = [];
  #reused = '';
  #listing: DirectoryListing | undefined;
  #refreshed = false;
  #next = 0;
  #matched = 0;
  #racy = false;
  #linked = false;
  #newlyLinked = false;

  constructor(order: DirectoryOrder, context: ArchiveContext) {
    this.id = order.id;
    this.#order = order;
    this.#path = joinPath(context.rootPath, order.path);
    this.#context = context;
    this.#previous = new PreviousNodes(order.previous);
  }

  /** Whether the tree can be made as soon as the directory has been looked at. */
  get isLeaf(): boolean {
    return this.#children.length === 0 && this.#largeFiles.length === 0;
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
  complete({ subtrees, files }: Omit<DirectoryCompletion, 'id'>): Buffer {
    const encoded: string[] = [];
    for (const entry of this.#entries) {
      if (typeof entry === 'string') encoded.push(entry);
      else if (entry.child !== undefined) {
        const subtree = subtrees[entry.child];
        if (subtree !== undefined) encoded.push(encodeNode({ ...entry.node, subtree }));
      } else if (entry.large !== undefined) {
        const file = files[entry.large]!;
        if (file.status !== undefined) encoded.push(encodeNode(withContent(entry.node, file, file.status)));
      }
    }
    return treeOf(encoded);
  }

  close(): void {
    if (this.#listing !== undefined) closeFd(this.#listing.directory);
    this.#listing = undefined;
  }

  #lookAround(output: TurnOutput): boolean {
    if (this.#listing === undefined && this.#refresh()) return true;
    this.#listing ??= this.#list(output);
    const { entries } = this.#listing;
    for (; this.#next < entries.length; this.#next += 1) {
      output.entriesSeen += 1;
      if (output.entriesSeen > MAX_ENTRIES_PER_TURN) return false;
      if (this.#visit(this.#listing, entries[this.#next]!, output) === 'full') return false;
    }
    return true;
  }

  #list(output: TurnOutput): DirectoryListing {
    const { root, rules, policy } = this.#context;
    const listing = listDirectory(root, this.#order, rules, policy);
    if (listing.ignoreFileTooLarge)
      output.problems.push({ path: this.#path, reason: 'ignore_file_too_large' });
    return listing;
  }

  #report(output: TurnOutput): void {
    const { ignoreFile } = this.#listing ?? {};
    this.#tally.removed = this.#refreshed ? 0 : this.#previous.nodes.length - this.#matched;
    output.directories.push({
      id: this.id,
      children: this.#children,
      largeFiles: this.#largeFiles,
      reused: this.#reused,
      ...(ignoreFile !== undefined && { ignoreFile }),
      refreshed: this.#refreshed,
      counts: this.#tally.counts(),
      racy: this.#racy,
      linked: this.#linked,
      newlyLinked: this.#newlyLinked,
    });
    this.#reused = '';
  }

  /**
   * Takes the previous tree over but for some subdirectories that are known to be where they were. `false` when it
   * must be listed after all.
   */
  #refresh(): boolean {
    const { only } = this.#order;
    if (only === undefined) return false;
    const expected = new Set(only.map((name) => bufferOf(name).toString('latin1')));
    const complete =
      this.#previous.nodes.every((node) => this.#takeOver(node, expected)) && expected.size === 0;
    if (!complete) {
      this.#tally.reset();
      [this.#entries, this.#children] = [[], []];
    }
    this.#refreshed = complete;
    return complete;
  }

  /** `expected` loses the names that are found. */
  #takeOver(node: Node, expected: Set<string>): boolean {
    if (node.type === 'file') {
      this.#tally.countFile('unmodified', node.sizeBytes ?? 0);
      this.#linked ||= (node.links ?? 1) > 1;
    }
    if (!expected.delete(node.name.toString('latin1'))) {
      this.#entries.push(encodeNode(node));
      return true;
    }
    const path = joinPath(this.#path, node.name);
    const status = entryStatusIfAny(path);
    if (status === undefined || status.inode !== node.inode || status.deviceId !== node.deviceId)
      return false;
    if (!isDirectory(status) || node.type !== 'dir') return false;
    const fresh = nodeOfEntry({ directory: -1, name: node.name, path }, status, this.#context.owners);
    this.#entries.push({ node: fresh, child: this.#children.length });
    this.#children.push({ name: node.name, previous: node.subtree, same: true });
    return true;
  }

  #visit(listing: DirectoryListing, entry: DirectoryEntry, output: TurnOutput): Look {
    const path = joinPath(this.#path, entry.name);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const place = { directory: listing.directory, name: entry.name, path };
        const look = this.#lookAt(listing, place, output, attempt);
        if (look !== 'changed') return look;
      } catch (error) {
        const problem = problemOf(error, path);
        if (attempt < ATTEMPTS) continue;
        output.problems.push(problem);
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
    this.#noteLinks(status.links, previous?.links);
    const known = this.#previous.unchangedContent(previous, status);
    if (known !== undefined) {
      for (const id of known) this.#reused += ASKED_DATA + id;
      return this.#keepFile({ ...node, content: known }, 'unmodified', output);
    }
    this.#racy ||= isRacy(status, this.#context.settledBeforeNs);
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
      this.#racy = true;
      output.problems.push({ path: place.path, reason: 'changed_while_read' });
    }
    const content = plaintext.length === 0 ? [] : [output.askData(plaintext)];
    return this.#keepFile({ ...node, sizeBytes: plaintext.length, content }, kind, output);
  }

  #noteLinks(links: number, before = 1): void {
    this.#linked ||= links > 1;
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
    const same = previous?.type === 'dir' && previous.inode === status.inode;
    this.#entries.push({ node, child: this.#children.length });
    this.#children.push({ name: place.name, previous: previous?.subtree, same });
    return 'done';
  }
}

const NOTHING_FOUND = {
  children: [],
  largeFiles: [],
  reused: '',
  refreshed: false,
  counts: new EntryTally().counts(),
  racy: true,
  linked: false,
  newlyLinked: false,
};

function isDirectory(status: EntryStatus): boolean {
  return (status.mode & FILE_TYPE.mask) === FILE_TYPE.directory;
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
