import { FilesError } from './file-errors.js';
import type { FileContent } from './measured-content.js';

/** What a bucket gives out, as the content of a file that is written again. */
export function storedContent(body: AsyncIterable<Buffer>): FileContent {
  const pieces = body[Symbol.asyncIterator]();
  return {
    async read() {
      const next = await pieces.next();
      return next.done === true ? null : next.value;
    },
  };
}

/** Whether writing failed because the stored content is longer than its row says, or has other bytes. */
export function isOtherThanItsRow(error: unknown): boolean {
  return error instanceof FilesError && ['checksum_mismatch', 'file_too_large'].includes(error.code);
}
