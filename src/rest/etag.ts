import { RequestError } from '../errors/request-errors.js';

/** A strong entity tag (RFC 9110, 8.8.3) of a row's version. */
export function etagOf(version: number | string): string {
  return `"${version}"`;
}

/**
 * Lets a change pass only when the client saw the current state; without If-Match everything passes.
 * @throws RequestError `precondition_failed`
 */
export function assertIfMatch(ifMatch: string | undefined, currentEtag: string): void {
  if (ifMatch === undefined || listsStrongly(ifMatch, currentEtag)) return;
  throw new RequestError(
    'precondition_failed',
    `It was changed in the meantime: its ETag is now ${currentEtag}. Read it again, then repeat the change.`,
  );
}

/** Whether a client that sends If-None-Match has the current state already: answer 304 then. */
export function matchesIfNoneMatch(ifNoneMatch: string | undefined, currentEtag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const strong = (tag: string) => tag.replace(/^W\//, '');
  return ifNoneMatch.trim() === '*' || tagsOf(ifNoneMatch).some((tag) => strong(tag) === strong(currentEtag));
}

/** Strong comparison: a weak tag never matches. */
function listsStrongly(ifMatch: string, currentEtag: string): boolean {
  return ifMatch.trim() === '*' || tagsOf(ifMatch).includes(currentEtag);
}

function tagsOf(header: string): string[] {
  return header.match(/(?:W\/)?"[^"]*"/g) ?? [];
}
