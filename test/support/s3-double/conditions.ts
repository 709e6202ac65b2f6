import type { ObjectVersion } from './object-store.js';
import type { S3Call } from './s3-call.js';
import { S3Fault } from './s3-fault.js';

/**
 * `If-None-Match: *` and `If-Match: <etag>` of PutObject and CompleteMultipartUpload. Call it in the same
 * turn of the event loop as the change that it guards: then one of many parallel creators wins.
 */
export function assertWriteConditions(call: S3Call): void {
  const ifNoneMatch = call.request.headers['if-none-match'];
  const ifMatch = call.request.headers['if-match'];
  if (call.personality.conditionalWrites !== 'honoured') return;
  const current = call.store.find(call.request.bucket, call.request.key);
  if (ifNoneMatch !== undefined && current)
    throw new S3Fault('PreconditionFailed', { details: { Condition: 'If-None-Match' } });
  if (ifMatch === undefined) return;
  if (!current) throw new S3Fault('NoSuchKey', { details: { Key: call.request.key } });
  if (!matchesEtag(ifMatch, current))
    throw new S3Fault('PreconditionFailed', { details: { Condition: 'If-Match' } });
}

/** What can be refused before the body is read: conditions that this provider does not know, or knows differently. */
export function assertConditionsSupported(call: S3Call): void {
  const { headers } = call.request;
  const asked = ['if-none-match', 'if-match'].filter((name) => headers[name] !== undefined);
  if (asked.length === 0 || call.personality.conditionalWrites === 'ignored') return;
  if (call.personality.conditionalWrites === 'not_implemented') {
    throw new S3Fault('NotImplemented', { details: { Header: asked[0]! } });
  }
  if (headers['if-none-match'] !== undefined && headers['if-none-match'] !== '*') {
    throw new S3Fault('NotImplemented', { details: { Header: 'If-None-Match' } });
  }
}

/** RFC 9110 conditions of GET and HEAD. @returns `not_modified` when a 304 is the answer */
export function readCondition(call: S3Call, version: ObjectVersion): 'proceed' | 'not_modified' {
  const { headers } = call.request;
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined && !matchesEtag(ifMatch, version)) {
    throw new S3Fault('PreconditionFailed', { details: { Condition: 'If-Match' } });
  }
  const since = Date.parse(headers['if-unmodified-since'] ?? '');
  if (ifMatch === undefined && version.lastModifiedMs > since + 999) {
    throw new S3Fault('PreconditionFailed', { details: { Condition: 'If-Unmodified-Since' } });
  }
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) return matchesEtag(ifNoneMatch, version) ? 'not_modified' : 'proceed';
  return version.lastModifiedMs <= Date.parse(headers['if-modified-since'] ?? '')
    ? 'not_modified'
    : 'proceed';
}

function matchesEtag(header: string, version: ObjectVersion): boolean {
  const tags = header.split(',').map((tag) =>
    tag
      .trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/, '$1'),
  );
  return tags.includes('*') || tags.includes(version.etag);
}
