import type { BlobReader } from './blob-reader.js';
import type { ContentResolver } from './file-content.js';
import type { BlobLookup } from './restore-source.js';
import type { WantedEntry } from './wanted-entry.js';

/**
 * Where in a file its parts lie follows from the lengths of those before them, which the index tells. Where copies of a
 * blob are said to have different lengths, all but one of them lie: those blobs that `entries` need are read, and the
 * copy that was right decides. Mostly there are none, and nothing is done.
 */
export async function settleDisputedLengths(
  entries: readonly WantedEntry[],
  index: BlobLookup,
  reader: BlobReader,
  content: ContentResolver,
  signal?: AbortSignal,
): Promise<void> {
  const disputed = index.disputedData();
  if (disputed.size === 0) return;
  const needed = new Set(entries.flatMap((entry) => entry.content.filter((id) => disputed.has(id))));
  const blobs = Array.from(needed, (id) => index.find('data', id)!);
  await reader.read(blobs, signal, async (blob, plaintext) => {
    if (!(plaintext instanceof Error)) content.settle(blob);
  });
}
