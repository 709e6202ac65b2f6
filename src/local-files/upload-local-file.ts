import { isConnectionLoss } from '../database/connection-loss.js';
import { StowageError } from '../errors/stowage-error.js';
import { CredentialsError } from '../credentials/credentials-error.js';
import { assertFilename } from '../files/filename.js';
import type { OwnContent, Uploads } from '../files/uploads.js';
import { isStorageError } from '../storage-providers/storage-errors.js';
import type { SyncSettingsStore } from '../sync-settings/sync-settings-store.js';
import type { AllowedPaths } from './allowed-paths.js';
import type { Claim } from './claims.js';
import { LocalContent } from './local-content.js';
import { isLocalFilesError } from './local-files-error.js';
import { mediaTypeOfName } from './media-type-of-name.js';
import { openLocalFile, type OpenedLocalFile } from './open-local-file.js';
import { ClaimLost, type Failure, type SyncOutcomes } from './sync-outcomes.js';

export type UploadOutcome =
  | 'uploaded'
  /** The bucket had it already. */
  | 'unchanged'
  | 'skipped'
  | 'vanished'
  /** The file itself cannot be read or is refused. */
  | 'failed'
  /** The bucket does not work, for this file or any other. */
  | 'bucket_failed'
  /** Somebody else's by now, or unregistered. */
  | 'lost';

export interface UploadLocalFileOptions {
  readonly paths: AllowedPaths;
  readonly uploads: Pick<Uploads, 'storeOwn'>;
  readonly settings: Pick<SyncSettingsStore, 'maxFileSize'>;
  readonly outcomes: SyncOutcomes;
  readonly now: () => number;
  /** Hears of what nobody but the operator can mend. */
  readonly onError: (error: unknown) => void;
}

/** Brings one claimed file into the bucket and writes down what became of it. */
export class UploadLocalFile {
  constructor(private readonly options: UploadLocalFileOptions) {}

  /**
   * @param progress hears how many bytes were read
   * @throws the signal's reason, and what a lost database throws: then nothing is written down
   */
  async run(claim: Claim, signal: AbortSignal, progress: (bytes: number) => void): Promise<UploadOutcome> {
    try {
      const opened = await this.open(claim);
      try {
        return await this.store(claim, opened, signal, progress);
      } finally {
        await opened.handle.close();
      }
    } catch (error) {
      signal.throwIfAborted();
      return this.explain(claim, error);
    }
  }

  private async open({ userId, path, filename }: Claim): Promise<OpenedLocalFile> {
    assertFilename(filename);
    return openLocalFile(await this.options.paths.locate(userId, path));
  }

  private async store(
    claim: Claim,
    opened: OpenedLocalFile,
    signal: AbortSignal,
    progress: (bytes: number) => void,
  ): Promise<UploadOutcome> {
    const { outcomes, settings, uploads, now } = this.options;
    const content = await LocalContent.of(opened, now);
    const limitBytes = await settings.maxFileSize(claim.userId);
    if (content.sizeBytes > limitBytes) {
      await outcomes.skipped(claim, content.sizeBytes, tooLarge(content.sizeBytes, limitBytes));
      return 'skipped';
    }
    if (await this.isStored(claim, content, signal)) return 'unchanged';
    await uploads.storeOwn(claim.userId, ownContent(claim, content, progress), signal, (owner, written) =>
      outcomes.uploaded(claim, owner, written, content.stats),
    );
    return 'uploaded';
  }

  /** A file that was only touched, or moved, is read but not uploaded: it would become a version like the one before. */
  private async isStored(claim: Claim, content: LocalContent, signal: AbortSignal): Promise<boolean> {
    if (claim.synced?.sizeBytes !== content.sizeBytes) return false;
    if ((await content.checksum(signal)) !== claim.synced.checksum) return false;
    return this.options.outcomes.unchanged(claim, content.stats);
  }

  private async explain(claim: Claim, error: unknown): Promise<UploadOutcome> {
    const { outcomes } = this.options;
    if (error instanceof ClaimLost) return 'lost';
    if (isLocalFilesError(error, 'local_file_not_found')) {
      await outcomes.vanished(claim, failureOf(error));
      return 'vanished';
    }
    if (isDatabaseLoss(error)) throw error;
    const failure = knownFailure(error);
    if (failure === undefined) this.options.onError(error);
    const ofBucket = isStorageError(error) || error instanceof CredentialsError;
    await outcomes.failed(claim, failure ?? UNKNOWN, { ofBucket });
    return ofBucket ? 'bucket_failed' : 'failed';
  }
}

function ownContent(claim: Claim, content: LocalContent, progress: (bytes: number) => void): OwnContent {
  const { filename, folder, localFileId } = claim;
  return {
    filename,
    folder,
    localFileId,
    contentType: mediaTypeOfName(filename),
    sizeBytes: content.sizeBytes,
    read: async () => {
      const piece = await content.read();
      progress(content.bytesRead);
      return piece;
    },
    atEnd: () => content.assertUnchanged(),
  };
}

function tooLarge(sizeBytes: number, limitBytes: number): Failure {
  return {
    code: 'file_too_large',
    sentence:
      `The file has ${sizeBytes} bytes; max_file_size of your sync settings allows ${limitBytes}. ` +
      'It is uploaded once that is raised.',
  };
}

/** What a user may read about; undefined for what is nobody's business but the operator's. */
function knownFailure(error: unknown): Failure | undefined {
  if (isStorageError(error)) return { code: error.code, sentence: `${error.message} ${error.hint}`.trim() };
  return error instanceof StowageError ? failureOf(error as StowageError) : undefined;
}

const UNKNOWN: Failure = {
  code: 'internal_error',
  sentence:
    "Something failed on the server that should not. It is tried again; the operator's log tells what it was.",
};

function isDatabaseLoss(error: unknown): boolean {
  return isConnectionLoss(error) || (error instanceof StowageError && error.code === 'service_unavailable');
}

function failureOf({ code, message }: StowageError): Failure {
  return { code, sentence: message };
}
