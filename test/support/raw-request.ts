import type { IncomingMessage } from 'node:http';

/** A request taken apart without judging it. Paths are never normalised: `a/../b` is a name like any other. */
export interface RawRequest {
  readonly method: string;
  /** Path as sent, without the query. */
  readonly rawPath: string;
  /** Decoded parameters in the order sent. */
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>;
  /** Lower-case names; repeated headers joined by a comma, as signatures see them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly message: IncomingMessage;
}

/** @throws URIError when a percent-encoding is not UTF-8 */
export function readRawRequest(message: IncomingMessage): RawRequest {
  const target = message.url ?? '/';
  const mark = target.indexOf('?');
  return {
    method: message.method ?? 'GET',
    rawPath: mark === -1 ? target : target.slice(0, mark),
    parameters: readQuery(mark === -1 ? '' : target.slice(mark + 1)),
    headers: joinHeaders(message.rawHeaders),
    message,
  };
}

/** The first value of a query parameter; undefined when it is absent, empty for `?name`. */
export function parameter(request: RawRequest, name: string): string | undefined {
  return request.parameters.find(([candidate]) => candidate === name)?.[1];
}

function readQuery(rawQuery: string): Array<readonly [string, string]> {
  if (rawQuery === '') return [];
  return rawQuery.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    const name = equals === -1 ? pair : pair.slice(0, equals);
    const value = equals === -1 ? '' : pair.slice(equals + 1);
    return [decodeForm(name), decodeForm(value)] as const;
  });
}

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function joinHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const joined: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    // Node reads header bytes as Latin-1; the clouds sign and store them as UTF-8.
    const value = Buffer.from(rawHeaders[index + 1]!, 'latin1')
      .toString('utf8')
      .trim();
    joined[name] = name in joined ? `${joined[name]},${value}` : value;
  }
  return joined;
}
