import type { AuthenticatedRequest } from '../auth/access.decorators.js';
import type { ClaimingRequest } from '../rest/idempotency-claim.decorator.js';
import type { UploadRequest } from './uploads.js';

export type UploadingRequest = AuthenticatedRequest & ClaimingRequest;

/** What an upload needs of a request; its body stays unread. */
export function uploadRequestOf(request: UploadingRequest): UploadRequest {
  const { headers, principal, raw, url, idempotencyClaim } = request;
  return {
    userId: principal.userId,
    body: raw,
    url,
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    contentLength:
      headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined,
    digest: (headers['repr-digest'] ?? headers['content-digest'])?.toString(),
    operation: idempotencyClaim,
  };
}
