import type { AgentsErrorCode } from '../agents/agents-error.js';
import type { AuthErrorCode } from '../auth/auth-errors.js';
import type { CredentialsErrorCode } from '../credentials/credentials-error.js';
import type { RequestErrorCode } from '../errors/request-errors.js';
import type { FilesErrorCode } from '../files/file-errors.js';
import type { LocalFilesErrorCode } from '../local-files/local-files-error.js';
import type { SnapshotsErrorCode } from '../snapshots/snapshots-error.js';
import type { StorageErrorCode } from '../storage-providers/storage-errors.js';
import type { WebhookErrorCode } from '../webhooks/webhook-errors.js';
import type { MovesErrorCode } from '../moves/moves-error.js';
import { AGENT_PROBLEMS } from './agent-problems.js';
import { FILE_PROBLEMS } from './file-problems.js';
import { LOCAL_FILE_PROBLEMS } from './local-file-problems.js';
import { MOVE_PROBLEMS } from './move-problems.js';
import type { ProblemKind } from './problem-kind.js';
import { REPOSITORY_PROBLEMS, type RepositoryProblemCode } from './repository-problems.js';
import { SNAPSHOT_PROBLEMS } from './snapshot-problems.js';

/** Every code that an answer may carry: the union of all features' codes. */
export type ErrorCode =
  | RequestErrorCode
  | AgentsErrorCode
  | AuthErrorCode
  | CredentialsErrorCode
  | FilesErrorCode
  | LocalFilesErrorCode
  | MovesErrorCode
  | RepositoryProblemCode
  | SnapshotsErrorCode
  | StorageErrorCode
  | WebhookErrorCode;

/**
 * The one table of codes. A new code in a feature's union does not compile until it has its line here, and
 * docs/errors.md is written from it (`npm run openapi`).
 *
 * Statuses: 4xx when the caller (or the bucket that the caller configured) must change something, 5xx when the
 * same request may succeed once someone else has acted.
 */
export const PROBLEMS: Readonly<Record<ErrorCode, ProblemKind>> = {
  bad_request: {
    status: 400,
    title: 'Bad request',
    meaning: 'The request is not well-formed HTTP or JSON, or exceeds a limit on its shape.',
    action: 'Mend the request as the detail says; repeating it as it is cannot succeed.',
  },
  validation_failed: {
    status: 400,
    title: 'Validation failed',
    meaning: 'One or more fields are missing, wrong or unknown. `errors` names all of them at once.',
    action: 'Correct each field that `errors` points to.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    meaning: 'There is no such route or thing, or it belongs to another user: both look alike.',
    action: 'Check the path and the id.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists, but not with this method. The `Allow` header lists those it has.',
    action: 'Use one of the methods in `Allow`.',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    meaning: 'The body is larger than this route or the sync settings allow.',
    action: 'Send less, or raise `max_file_size` in the sync settings.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'The route does not read bodies of this Content-Type or Content-Encoding.',
    action: 'Send `application/json` in UTF-8, or the type that the route documents, without encoding.',
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    meaning: 'The thing was changed since the state that `If-Match` names.',
    action: 'Read it again, then repeat the change with its new ETag.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    meaning: 'The key or the address has used up its requests of this minute.',
    action: 'Wait as many seconds as `Retry-After` says.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency key reused',
    meaning: 'This Idempotency-Key was used for another request, or with another API key.',
    action: 'Use a new Idempotency-Key for each new operation and the same one only for a retry.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'Still in progress',
    meaning: 'A request with this Idempotency-Key has not been answered yet.',
    action: 'Wait as many seconds as `Retry-After` says, then repeat the same request.',
  },
  service_unavailable: {
    status: 503,
    title: 'Service unavailable',
    meaning: 'The server is starting, stopping, or cannot reach its database.',
    action: 'Repeat the request after `Retry-After` seconds.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    meaning: 'Something failed that should not; the log tells what under the `request_id`.',
    action: 'Repeat the request later; if it fails again, tell the operator its `request_id`.',
  },
  unauthenticated: {
    status: 401,
    title: 'Unauthenticated',
    meaning: 'There is no valid API key. Malformed, unknown and revoked keys look alike.',
    action: 'Send `Authorization: Bearer stw_…` with a valid key.',
  },
  key_expired: {
    status: 401,
    title: 'Key expired',
    meaning: 'The API key was valid until its expiry.',
    action: 'Make a new key and use that.',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    meaning: 'The API key is valid but lacks the scope of this route.',
    action: 'Use a key with the scope that the route documents.',
  },
  cross_site_request: {
    status: 403,
    title: 'Cross-site request',
    meaning: 'A change with the session cookie came from a page of another site.',
    action: 'Use the pages of this server; programs send an API key instead.',
  },
  setup_link_invalid: {
    status: 410,
    title: 'Setup link invalid',
    meaning: 'The one-time link was used or is too old.',
    action: 'Run `npm run admin -- setup-link` and open the new link.',
  },
  last_admin: {
    status: 409,
    title: 'Last administrator',
    meaning: 'Nobody would be left who can administer this server.',
    action: 'Give another user an admin key first.',
  },
  cloud_not_configured: {
    status: 400,
    title: 'Cloud not configured',
    meaning: 'The user has not saved a bucket yet, or has had its credentials forgotten.',
    action: 'Save one with `PUT /api/v1/settings/cloud-storage` or `POST /api/cloud/configure`.',
  },
  sealed: {
    status: 503,
    title: 'Sealed',
    meaning: 'The server was started without the right master key: stored credentials cannot be opened.',
    action: 'Its operator starts it with the right `ENCRYPTION_KEY`.',
  },
  credentials_unreadable: {
    status: 500,
    title: 'Credentials unreadable',
    meaning: 'The stored credentials fail their integrity check. Nothing was changed.',
    action: 'Enter the credentials again, and tell the operator.',
  },
  connection_failed: {
    status: 400,
    title: 'Connection failed',
    meaning: 'The settings were tried before being saved, and a check failed. Nothing was changed.',
    action: 'Do what `hint` says; `POST /api/v1/settings/cloud-storage/test` shows every check.',
  },
  settings_changed: {
    status: 409,
    title: 'Settings changed',
    meaning: 'Someone else changed the settings at the same time.',
    action: 'Read them again, then repeat the change.',
  },
  ...FILE_PROBLEMS,
  too_many_webhooks: {
    status: 409,
    title: 'Too many webhooks',
    meaning: 'The user has as many webhooks as one may have.',
    action: 'Delete one that is no longer needed, or change one.',
  },
  webhook_disabled: {
    status: 409,
    title: 'Webhook disabled',
    meaning: 'Nothing is sent to a disabled webhook; `disabled_reason` of the webhook tells why it is.',
    action: 'Enable it with `PATCH` and `{"enabled": true}`.',
  },
  invalid_credentials: {
    status: 400,
    title: 'Invalid credentials',
    meaning: 'The provider does not accept the key, or its signature is wrong.',
    action: 'Check key id and secret at the provider and save them again.',
  },
  bucket_not_found: {
    status: 400,
    title: 'Bucket not found',
    meaning: 'The provider knows no bucket of this name, or none that this key may see.',
    action: 'Check the bucket name and the region.',
  },
  object_not_found: {
    status: 404,
    title: 'Object not found',
    meaning: 'The file is listed here, but its object is gone from the bucket.',
    action: 'Look whether someone or a lifecycle rule deleted it at the provider; upload it again.',
  },
  access_denied: {
    status: 400,
    title: 'Access denied by the provider',
    meaning:
      'The provider knows the key but refuses this operation; `provider.permission` names what is missing.',
    action: 'Grant the permission that `hint` names.',
  },
  wrong_region: {
    status: 400,
    title: 'Wrong region',
    meaning: 'The bucket is in another region than the settings say.',
    action: 'Save the region that `hint` names.',
  },
  endpoint_unreachable: {
    status: 502,
    title: 'Endpoint unreachable',
    meaning: 'The provider cannot be reached: name, connection, TLS or policy.',
    action:
      'Check the endpoint; a private one must be allowed by the operator (`ALLOWED_PRIVATE_ENDPOINTS`).',
  },
  clock_skew: {
    status: 502,
    title: 'Clock skew',
    meaning: 'The clock of this server and that of the provider differ too much.',
    action: 'The operator sets the clock of the server (NTP).',
  },
  storage_rate_limited: {
    status: 503,
    title: 'Rate limited by the provider',
    meaning: 'The provider asks to slow down and did not relent after retries.',
    action: 'Repeat the request after `Retry-After` seconds.',
  },
  quota_or_billing: {
    status: 507,
    title: 'Quota or billing',
    meaning: 'The account at the provider is over its quota, capped or not paid.',
    action: 'Raise the cap or settle the bill at the provider.',
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    meaning: 'Something of this name exists already, or another operation on it is running.',
    action: 'Repeat the request; if it fails again, use another name.',
  },
  integrity: {
    status: 502,
    title: 'Integrity check failed',
    meaning: 'The bytes that arrived are not the bytes that were sent. Nothing was kept.',
    action: 'Repeat the request.',
  },
  aborted: {
    status: 503,
    title: 'Aborted',
    meaning: 'The operation was cancelled before its end, by a disconnect or because the server is stopping.',
    action: 'Repeat the request.',
  },
  provider_error: {
    status: 502,
    title: 'Provider error',
    meaning:
      'The provider failed or answered something unexpected; `provider.provider_code` is its own word.',
    action: 'Repeat the request later; the status page of the provider may tell more.',
  },
  ...LOCAL_FILE_PROBLEMS,
  ...AGENT_PROBLEMS,
  ...MOVE_PROBLEMS,
  ...REPOSITORY_PROBLEMS,
  ...SNAPSHOT_PROBLEMS,
};

export function problemKind(code: string): ProblemKind | undefined {
  return Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as ErrorCode] : undefined;
}
