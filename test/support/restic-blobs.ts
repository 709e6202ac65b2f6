import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decompressFile } from '../../src/snapshot-engine/compression/file-compression.js';
import { BlobCipher } from '../../src/snapshot-engine/crypto/blob-cipher.js';
import { parseMasterKey } from '../../src/snapshot-engine/crypto/master-key.js';
import { readPackHeader } from '../../src/snapshot-engine/pack/pack-header.js';
import type { BlobType, PackedBlob } from '../../src/snapshot-engine/pack/packed-blob.js';
import { readBlob } from '../../src/snapshot-engine/pack/read-blob.js';
import { restic } from './restic.js';

/** All that a small repository on the local disk holds, read by what its packs and files say of themselves. */
export class ResticBlobs {
  readonly #folder: string;
  readonly #cipher: BlobCipher;

  private constructor(folder: string, cipher: BlobCipher) {
    this.#folder = folder;
    this.#cipher = cipher;
  }

  /** Asks stock restic for the master key. */
  static async open(folder: string, password: string): Promise<ResticBlobs> {
    const key = Buffer.from(await restic(folder, password, 'cat', 'masterkey'));
    return new ResticBlobs(folder, new BlobCipher(parseMasterKey(key, 'The master key')));
  }

  /** Plaintexts by id, their hashes proven. */
  async blobs(type: BlobType): Promise<Map<string, Buffer>> {
    const found = new Map<string, Buffer>();
    for (const { pack, entry } of await this.#entries()) {
      if (entry.type !== type) continue;
      const sealed = pack.subarray(entry.offset, entry.offset + entry.lengthBytes);
      found.set(entry.id, readBlob(this.#cipher, entry, sealed));
    }
    return found;
  }

  /** Plaintexts by id. */
  async snapshots(): Promise<Map<string, Buffer>> {
    const folder = join(this.#folder, 'snapshots');
    const found = new Map<string, Buffer>();
    for (const id of await readdir(folder)) {
      const opened = this.#cipher.open(await readFile(join(folder, id)), id);
      found.set(id, decompressFile(opened, id));
    }
    return found;
  }

  async config(): Promise<{ readonly id: string; readonly chunker_polynomial: string }> {
    const opened = this.#cipher.open(await readFile(join(this.#folder, 'config')), 'config');
    return JSON.parse(opened.toString()) as { id: string; chunker_polynomial: string };
  }

  async #entries(): Promise<{ pack: Buffer; entry: PackedBlob }[]> {
    const entries: { pack: Buffer; entry: PackedBlob }[] = [];
    const paths = await readdir(join(this.#folder, 'data'), { recursive: true, withFileTypes: true });
    for (const file of paths.filter((path) => path.isFile())) {
      const pack = await readFile(join(file.parentPath, file.name));
      const { blobs } = readPackHeader(this.#cipher, pack, file.name);
      entries.push(...blobs.map((entry) => ({ pack, entry })));
    }
    return entries;
  }
}
