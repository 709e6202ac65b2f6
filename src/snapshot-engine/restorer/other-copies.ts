import type { BadPacks } from '../repository/bad-packs.js';
import { contentBytesOf } from './fetch-plan.js';
import type { BlobLocation, BlobLookup } from './restore-source.js';

/**
 * Where else blobs lie that could not be had from one place. Asked only then: a restore in which all is well knows one
 * place of each blob and no more. Every copy is tried once.
 */
export class OtherCopies {
  readonly #index: Pick<BlobLookup, 'findAll'>;
  readonly #badPacks: BadPacks;
  /** Places that were tried in vain, by type and id. */
  readonly #tried = new Map<string, Set<string>>();

  constructor(index: Pick<BlobLookup, 'findAll'>, badPacks: BadPacks) {
    this.#index = index;
    this.#badPacks = badPacks;
  }

  /**
   * The next copy after one that could not be had; `undefined` when there is none. `sameLength`: its place in a file has
   * been decided, so that a copy which claims another length is of no use.
   */
  after(
    blob: BlobLocation,
    message: string,
    { sameLength = false }: { readonly sameLength?: boolean } = {},
  ): BlobLocation | undefined {
    this.#badPacks.note(blob.packId, message);
    const name = blob.type + blob.id;
    const tried = this.#tried.get(name) ?? new Set<string>();
    this.#tried.set(name, tried.add(placeOf(blob)));
    return this.#index
      .findAll(blob.type, blob.id)
      .find(
        (copy) => !tried.has(placeOf(copy)) && (!sameLength || contentBytesOf(copy) === contentBytesOf(blob)),
      );
  }
}

function placeOf({ packId, offset, lengthBytes, uncompressedBytes }: BlobLocation): string {
  return `${packId} ${offset} ${lengthBytes} ${uncompressedBytes}`;
}
