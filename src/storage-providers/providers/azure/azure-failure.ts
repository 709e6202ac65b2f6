import { classify } from '../../classify.js';
import type { StorageError, StorageOperation } from '../../storage-errors.js';
import { childText, parseXml } from '../http/xml.js';

export interface FailedAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface FailedCall {
  readonly operation: StorageOperation;
  readonly bucket: string;
  readonly nowMs: number;
}

/**
 * The StorageError for an answer that is no success: the code comes in `x-ms-error-code` (also to HEAD), the text in
 * `<Error><Code/><Message/><AuthenticationErrorDetail/></Error>`.
 */
export function azureFailure(
  { status, headers, text }: FailedAnswer,
  { operation, bucket, nowMs }: FailedCall,
): StorageError {
  const root = parseXml(text);
  const error = root?.name === 'Error' ? root : undefined;
  const code = headers['x-ms-error-code'] ?? childText(error, 'Code');
  return classify({
    provider: 'azure_blob',
    operation,
    bucket,
    httpStatus: status,
    code,
    message: `${childText(error, 'Message') ?? ''} ${childText(error, 'AuthenticationErrorDetail') ?? ''}`,
    headers,
    // Front ends answer 5xx in their own words.
    bodyIsExpectedShape: code !== undefined || isAzure(headers) || status >= 500,
    nowMs,
  });
}

/** Whether an answer comes from the Blob service: it repeats the API version and names the request. */
export function isAzure(headers: Readonly<Record<string, string>>): boolean {
  return Boolean(headers['x-ms-request-id'] && headers['x-ms-version']);
}
