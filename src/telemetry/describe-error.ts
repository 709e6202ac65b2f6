import { StowageError } from '../errors/stowage-error.js';

/** What of an error may be logged. */
export interface DescribedError {
  readonly name: string;
  readonly code?: string;
  /** Only of our own errors: a foreign message may quote a request, a query or a credential. */
  readonly message?: string;
  readonly stack?: string;
  readonly httpStatus?: number;
  readonly provider?: string;
  readonly operation?: string;
  readonly providerCode?: string;
  readonly providerRequestId?: string;
  readonly cause?: DescribedError;
}

const MAX_CAUSES = 3;

/**
 * Picks the fields of an error that cannot hold a secret. An SDK's error has enumerable members such as
 * `StringToSign` or `config.headers`; so an error object itself never reaches the log.
 */
export function describeError(error: unknown, causes = MAX_CAUSES): DescribedError {
  if (!(error instanceof Error)) return { name: typeof error };
  const fields = error as unknown as Record<string, unknown>;
  return {
    name: error.name,
    code: shortText(fields.code),
    message: isOurs(error) ? error.message : undefined,
    stack: framesOf(error),
    httpStatus: wholeNumber(fields.httpStatus) ?? wholeNumber(fields.statusCode),
    provider: shortText(fields.provider),
    operation: shortText(fields.operation),
    providerCode: shortText(fields.providerCode),
    providerRequestId: shortText(fields.requestId),
    cause: causes > 0 && error.cause !== undefined ? describeError(error.cause, causes - 1) : undefined,
  };
}

/** Errors whose sentences we wrote ourselves. A StorageError stands above this folder: known by its name. */
function isOurs(error: Error): boolean {
  return (
    error instanceof StowageError || error.name === 'StorageError' || error.name === 'ConfigurationError'
  );
}

/** Where it happened, without the first lines, which repeat the message. */
function framesOf(error: Error): string | undefined {
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return frames?.map((frame) => frame.trim()).join('\n');
}

function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= 100 ? value : undefined;
}

function wholeNumber(value: unknown): number | undefined {
  return Number.isInteger(value) ? (value as number) : undefined;
}
