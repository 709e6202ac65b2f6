import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  RepositoryFileInfo,
  RepositoryFileKind,
} from '../../src/snapshot-engine/repository/repository-files.js';

export const KINDS: readonly RepositoryFileKind[] = ['key', 'snapshot', 'index', 'pack', 'lock', 'doomed'];

const FOLDERS: Readonly<Record<RepositoryFileKind, string>> = {
  key: 'keys',
  snapshot: 'snapshots',
  index: 'index',
  pack: 'data',
  lock: 'locks',
  doomed: 'stowage/doomed',
};

interface Kept {
  readonly bytes: Buffer;
  readonly lastModified: Date;
}

/** What lies in a bucket, apart from who looks at it: survives the processes that wrote it. */
export class MemoryRepositoryStore {
  config: Buffer | undefined;
  readonly #files = new Map<RepositoryFileKind, Map<string, Kept>>(KINDS.map((kind) => [kind, new Map()]));

  /** The files of a repository on disk, as restic lays them out. */
  static async readFrom(folder: string): Promise<MemoryRepositoryStore> {
    const store = new MemoryRepositoryStore();
    store.config = await readFile(join(folder, 'config'));
    for (const kind of KINDS) {
      const entries = await readdir(join(folder, FOLDERS[kind]), {
        recursive: true,
        withFileTypes: true,
      }).catch(() => []);
      for (const entry of entries.filter((each) => each.isFile())) {
        store.put(kind, entry.name, await readFile(join(entry.parentPath, entry.name)), new Date(0));
      }
    }
    return store;
  }

  get(kind: RepositoryFileKind, id: string): Buffer | undefined {
    return this.#files.get(kind)!.get(id)?.bytes;
  }

  has(kind: RepositoryFileKind, id: string): boolean {
    return this.#files.get(kind)!.has(id);
  }

  /** Puts any bytes under any name, also such as no provider would take. */
  put(kind: RepositoryFileKind, id: string, bytes: Buffer, lastModified: Date): void {
    this.#files.get(kind)!.set(id, { bytes, lastModified });
  }

  delete(kind: RepositoryFileKind, id: string): boolean {
    return this.#files.get(kind)!.delete(id);
  }

  /** Ascending by id. */
  list(kind: RepositoryFileKind): RepositoryFileInfo[] {
    return [...this.#files.get(kind)!]
      .map(([id, { bytes, lastModified }]) => ({ id, sizeBytes: bytes.length, lastModified }))
      .sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  ids(kind: RepositoryFileKind): string[] {
    return this.list(kind).map(({ id }) => id);
  }

  /** A store of its own with the same files. Bytes are shared: nobody changes them in place. */
  clone(): MemoryRepositoryStore {
    const copy = new MemoryRepositoryStore();
    copy.config = this.config;
    for (const [kind, files] of this.#files) {
      for (const [id, { bytes, lastModified }] of files) copy.put(kind, id, bytes, lastModified);
    }
    return copy;
  }

  /** Lays the files out as restic's `local` backend wants them. */
  async writeTo(folder: string): Promise<void> {
    for (const kind of KINDS) {
      await mkdir(join(folder, FOLDERS[kind]), { recursive: true });
      for (const [id, { bytes }] of this.#files.get(kind)!) {
        const path = join(folder, FOLDERS[kind], kind === 'pack' ? join(id.slice(0, 2), id) : id);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, bytes);
      }
    }
    if (this.config !== undefined) await writeFile(join(folder, 'config'), this.config);
  }
}
