import type { OrderedRequest } from '../../src/agent-protocol/messages.js';

/** A request with a signed URL, as it was given or otherwise. */
export interface UrlUse {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/**
 * Everything that a URL for one file should not be good for: other bytes, other methods, other headers, other places.
 * @param body what it was signed for
 * @param places paths of other things in the bucket
 */
export function misusesOfPut(put: OrderedRequest, body: Buffer, places: readonly string[]): UrlUse[] {
  const { url, headers } = put;
  const flipped = Buffer.from(body.map((byte) => byte ^ 1));
  const others = [flipped, body.subarray(1), Buffer.concat([body, body]), Buffer.alloc(0)];
  const copy = { ...headers, 'x-amz-copy-source': places[0]! };
  return [
    ...others.map((bytes) => ({ ...put, body: bytes })),
    ...withoutOneEach(headers).map((fewer) => ({ ...put, headers: fewer, body: flipped })),
    { ...put, headers: copy },
    { ...put, method: 'POST', body },
    ...['GET', 'HEAD', 'DELETE'].map((method) => ({ ...put, method })),
    ...elsewhere(url, places).flatMap((other) => [
      { ...put, url: other, body },
      { ...put, url: other, method: 'DELETE' },
    ]),
    ...['versionId=null', 'acl', 'tagging', 'uploads', 'partNumber=1&uploadId=x'].map((query) => ({
      ...put,
      url: `${url}&${query}`,
      body,
    })),
  ];
}

/** As `misusesOfPut`. @param body to be written where only reading was allowed */
export function misusesOfGet(get: OrderedRequest, body: Buffer, places: readonly string[]): UrlUse[] {
  return [
    ...['PUT', 'POST'].map((method) => ({ ...get, method, body })),
    ...['DELETE', 'HEAD'].map((method) => ({ ...get, method })),
    ...elsewhere(get.url, places).map((url) => ({ ...get, url })),
    ...['list-type=2', 'versions', 'uploads'].map((query) => ({ ...get, url: `${get.url}&${query}` })),
  ];
}

/** @returns the status; 0 when the connection was cut */
export async function use({ method, url, headers, body }: UrlUse): Promise<number> {
  // The client's own: those of the body that is really sent, and of the place that it is sent to.
  const { 'content-length': _, host: __, ...sent } = headers;
  try {
    const response = await fetch(url, {
      method,
      headers: sent,
      redirect: 'manual',
      ...(body && { body: new Uint8Array(body) }),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

function elsewhere(url: string, places: readonly string[]): string[] {
  return places
    .map((path) => Object.assign(new URL(url), { pathname: path }).href)
    .filter((other) => other !== url);
}

function withoutOneEach(headers: Readonly<Record<string, string>>): Record<string, string>[] {
  return Object.keys(headers)
    .filter((name) => name !== 'content-length' && name !== 'host')
    .map((name) => Object.fromEntries(Object.entries(headers).filter(([other]) => other !== name)));
}
