import { type ErrorCode, PROBLEMS } from '../problem-catalogue.js';
import type { ProblemKind } from '../problem-kind.js';

const INTRODUCTION =
  'Every error is answered as `application/problem+json` (RFC 9457). Programs decide by `code`, which never changes ' +
  'its meaning; people read `detail`. `request_id` is in the `X-Request-Id` header and in the server’s log. ' +
  '`retryable` says whether the same request may succeed later without a change; `Retry-After` says when.';

const entries = Object.entries(PROBLEMS) as [ErrorCode, ProblemKind][];

/** docs/errors.md, written by `npm run openapi`. */
export function errorsMarkdown(): string {
  const rows = entries.map(
    ([code, { status, meaning, action }]) =>
      `| <a id="${code}"></a>\`${code}\` | ${status} | ${meaning} | ${action} |`,
  );
  return [
    '<!-- Written by `npm run openapi` from src/http/problem-catalogue.ts. -->',
    '# Errors',
    '',
    INTRODUCTION,
    '',
    '| code | status | meaning | what to do |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** The page that every problem's `type` leads to. */
export function errorsHtml(): string {
  const sections = entries.map(
    ([code, { status, title, meaning, action }]) =>
      `<section id="${code}"><h2><code>${code}</code> ${escaped(title)} (${status})</h2>` +
      `<p>${prose(meaning)}</p><p>${prose(action)}</p></section>`,
  );
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stowage errors</title>' +
    '<meta name="viewport" content="width=device-width"></head><body><main><h1>Errors</h1>' +
    `<p>${prose(INTRODUCTION)}</p>${sections.join('')}</main></body></html>\n`
  );
}

/** Escapes, then turns `code` into elements. */
function prose(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
