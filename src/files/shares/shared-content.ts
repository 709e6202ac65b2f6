import { CredentialsError } from '../../credentials/credentials-error.js';
import { RequestError } from '../../errors/request-errors.js';
import { StorageError } from '../../storage-providers/storage-errors.js';
import type { ContentSender, Exchange } from '../content-sender.js';
import { shareNotFound } from '../file-errors.js';
import type { FileReads } from '../file-reads.js';
import type { OpenShare, OpenShares, ShareVisit } from './open-shares.js';
import { shareClient } from './share-client.js';

export interface SharedContentOptions {
  readonly shares: OpenShares;
  readonly reads: Pick<FileReads, 'record'>;
  readonly sender: Pick<ContentSender, 'sendRecord'>;
  /** Hears why a bucket did not give a shared file out: its visitors are not told. */
  readonly onFailure: (shareId: number, error: unknown) => void;
}

/** No cache keeps it: what was revoked is gone, also from browsers that others use. */
export const SHARED_CACHE_CONTROL = 'private, no-store';

/** Sends the content of a shared file to whoever has its link. */
export class SharedContent {
  constructor(private readonly options: SharedContentOptions) {}

  /**
   * The present content, as it is sent to its owner: ranges, conditions and all.
   * @throws FilesError `share_not_found`, also for a file in the trash; what `sendRecord` throws, without a word of whose
   *   file it is and where it lies
   */
  async send(token: string, exchange: Exchange): Promise<void> {
    const { ip, headers } = exchange.request;
    const visit = { token, client: shareClient(ip, headers['user-agent']) };
    const share = await this.options.shares.find(visit);
    try {
      await this.sendShared(share, visit, exchange);
    } catch (error) {
      // A visitor who went away is no failure.
      if (isOfBucket(error) && error.code !== 'aborted') this.options.onFailure(share.id, error);
      throw forVisitor(error);
    }
  }

  private async sendShared(share: OpenShare, visit: ShareVisit, exchange: Exchange): Promise<void> {
    const { shares, reads, sender } = this.options;
    const { userId, fileId, disposition, filename } = share;
    const file = await reads.record(userId, fileId);
    await sender.sendRecord(userId, file, exchange, {
      disposition,
      ...(filename !== undefined && { filename }),
      cacheControl: SHARED_CACHE_CONTROL,
      // When the bucket has answered: a bucket that fails uses no download up.
      admit: ({ status }) => shares.count(share, visit, status === 206),
    });
  }
}

function isOfBucket(error: unknown): error is StorageError | CredentialsError {
  return error instanceof StorageError || error instanceof CredentialsError;
}

const DETAIL = 'The store that holds this file does not give it out now.';
const HINT = 'Try again later; if it stays so, tell whoever gave you the link.';

/** The same code, without the names of buckets and keys that its sentence is made of. */
function forVisitor(error: unknown): unknown {
  if (error instanceof RequestError && error.code === 'not_found') return shareNotFound();
  if (!isOfBucket(error)) return error;
  const { retryable, retryAfterMs } = error;
  const passing = { retryable, ...(retryAfterMs !== undefined && { retryAfterMs }), cause: error };
  if (error instanceof CredentialsError)
    return new CredentialsError(error.code, `${DETAIL} ${HINT}`, passing);
  return new StorageError(error.code, DETAIL, { operation: error.operation, hint: HINT, ...passing });
}
