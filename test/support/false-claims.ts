import { hash } from 'node:crypto';
import type { PackedBlob } from '../../src/snapshot-engine/pack/packed-blob.js';
import { encodeIndexFile } from '../../src/snapshot-engine/blob-index/index-file.js';
import type { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { noise } from './noise.js';

/** What a host that has the repository's key can add: a pack of any bytes, and an index file that says anything of it. */
export interface FalseClaim {
  readonly packId: string;
  readonly pack: Buffer;
  readonly index: { readonly id: string; readonly bytes: Buffer };
}

/** Says that these blobs lie, as they do elsewhere, back to back in a pack; `pack` makes its bytes, noise unless told. */
export async function falseClaim(
  repository: Pick<Repository, 'sealFile'>,
  blobs: readonly PackedBlob[],
  pack: (lengthBytes: number) => Buffer = (lengthBytes) => noise(lengthBytes, 'what lies in a false pack'),
): Promise<FalseClaim> {
  let end = 0;
  const claimed = blobs.map((blob) => {
    const offset = end;
    end += blob.lengthBytes;
    return { ...blob, offset };
  });
  const bytes = pack(end);
  const id = hash('sha256', bytes);
  return { packId: id, pack: bytes, index: await sealedIndex(repository, id, claimed) };
}

/** An index file of any content. */
export async function sealedIndex(
  repository: Pick<Repository, 'sealFile'>,
  packId: string,
  blobs: readonly PackedBlob[],
): Promise<FalseClaim['index']> {
  const json = Buffer.concat([...encodeIndexFile([{ id: packId, blobs }])]);
  const { id, bytes } = await repository.sealFile(json);
  return { id, bytes: Buffer.from(bytes) };
}
