import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { FoundEntry, Node } from '../../snapshot-engine/index.js';
import { zipName } from '../../files/zip/zip-names.js';

export interface ZipSource {
  /** Every directory before what lies in it. */
  entries(): AsyncIterable<FoundEntry>;
  /** The content of a file, exactly as long as the node says. */
  open(entry: FoundEntry): Promise<Readable>;
}

/** In the archive when something could not be in it as it is. */
export const NOTE_NAME = 'stowage-left-out.txt';
const MAX_NOTED = 1_000;
const PERMISSIONS = 0o777;
const TYPE = { file: 0o100_000, dir: 0o040_000, symlink: 0o120_000 } as const;
/** Stored, not deflated: most of what is large is compressed already, and the server has other work. */
const STORED = { compress: false } as const;

/**
 * Entries as a ZIP archive (ZIP64 where it must be), one after the other, as fast as they are taken: memory holds a few
 * blobs of one file and about 300 bytes for each entry's line in the directory at the end. Links are stored as links.
 * A failure destroys the stream before its end, so that nobody takes it for whole.
 */
export function zipArchive(source: ZipSource, signal: AbortSignal): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  const fail = (error: unknown) => output.destroy(error as Error);
  zip.on('error', fail);
  signal.addEventListener('abort', () => fail(signal.reason), { once: true });
  new ArchiveWriter(zip, source, signal).write().catch(fail);
  return output;
}

class ArchiveWriter {
  private readonly notes: string[] = [];
  private noteCount = 0;

  constructor(
    private readonly zip: ZipFile,
    private readonly source: ZipSource,
    private readonly signal: AbortSignal,
  ) {}

  async write(): Promise<void> {
    for await (const entry of this.source.entries()) {
      const { name, isExact } = zipName(entry.path);
      if (name === undefined) {
        this.note('left out, its name is too long', entry);
        continue;
      }
      if (!isExact) this.note(`is called ${name}`, entry);
      await this.add(name, entry);
      await this.taken();
    }
    if (this.noteCount > 0) this.zip.addBuffer(Buffer.from(this.noteText()), NOTE_NAME, STORED);
    this.zip.end();
  }

  private async add(name: string, entry: FoundEntry): Promise<void> {
    const { node } = entry;
    switch (node.type) {
      case 'dir':
        return this.zip.addEmptyDirectory(name, attributes(node, TYPE.dir));
      case 'symlink':
        return this.zip.addBuffer(node.linkTarget ?? Buffer.alloc(0), name, {
          ...attributes(node, TYPE.symlink),
          ...STORED,
        });
      case 'file':
        return this.addFile(name, entry);
      default:
        return this.note(`left out, it is a ${node.type}`, entry);
    }
  }

  /** Resolves when its last byte was read: one file is open at a time. */
  private addFile(name: string, entry: FoundEntry): Promise<void> {
    const { node } = entry;
    return new Promise((resolve, reject) => {
      const options = { ...attributes(node, TYPE.file), ...STORED, size: node.sizeBytes ?? 0 };
      this.zip.addReadStreamLazy(name, options, (give) => {
        this.source.open(entry).then((stream) => {
          stream.once('error', reject).once('end', resolve);
          this.signal.addEventListener('abort', () => stream.destroy(), { once: true });
          give(null, stream);
        }, reject);
      });
    });
  }

  /** Waits while the client reads more slowly than entries come. */
  private async taken(): Promise<void> {
    this.signal.throwIfAborted();
    const output = this.zip.outputStream as Readable & { readonly writableNeedDrain: boolean };
    if (output.writableNeedDrain) await once(output, 'drain', { signal: this.signal });
  }

  private note(what: string, { path }: FoundEntry): void {
    this.noteCount += 1;
    if (this.notes.length >= MAX_NOTED) return;
    this.notes.push(`${JSON.stringify(path.map(String).join('/'))}: ${what}`);
  }

  private noteText(): string {
    const more = this.noteCount - this.notes.length;
    return [...this.notes, ...(more > 0 ? [`and ${more} more`] : []), ''].join('\n');
  }
}

function attributes(node: Node, type: number): { readonly mtime: Date; readonly mode: number } {
  return { mtime: new Date(Number(node.mtimeNs / 1_000_000n)), mode: type | (node.mode & PERMISSIONS) };
}
