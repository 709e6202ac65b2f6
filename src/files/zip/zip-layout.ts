import { centralBytes, endBytes, fileBytes, type Directory, type ZipItem } from './zip-format.js';

/** Where everything in an archive will lie: known before its first byte, because nothing is compressed. */
export interface ZipLayout<Item extends ZipItem> {
  readonly items: readonly Item[];
  /** Of the local header of each item. */
  readonly offsets: readonly number[];
  readonly directory: Directory;
  readonly totalBytes: number;
}

export function layOut<Item extends ZipItem>(items: readonly Item[]): ZipLayout<Item> {
  const offsets: number[] = [];
  let offset = 0;
  let sizeBytes = 0;
  for (const item of items) {
    offsets.push(offset);
    sizeBytes += centralBytes(item, offset);
    offset += fileBytes(item);
  }
  const directory = { records: items.length, offset, sizeBytes };
  return { items, offsets, directory, totalBytes: offset + sizeBytes + endBytes(directory) };
}
