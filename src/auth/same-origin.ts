/** The headers by which a browser tells where a request comes from. */
export interface OriginHeaders {
  readonly origin?: string;
  readonly host?: string;
  readonly 'sec-fetch-site'?: string | string[];
}

/**
 * Whether a browser says that one of our own pages sends this request. `Sec-Fetch-Site` is the browser's own verdict;
 * it is missing in old browsers and on plain HTTP, where `Origin` must name this server.
 * @param publicUrl where the server is reached, when it cannot tell from `Host` because of a proxy
 */
export function isFromOwnPage(headers: OriginHeaders, publicUrl: string | undefined): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  return headers.origin !== undefined && isOwnOrigin(headers.origin, headers.host, publicUrl);
}

/**
 * Whether a page of another site makes a browser send this request. A program, which sends neither header, is none.
 */
export function isFromOtherSite(headers: OriginHeaders, publicUrl: string | undefined): boolean {
  const isBrowser = headers['sec-fetch-site'] !== undefined || headers.origin !== undefined;
  return isBrowser && !isFromOwnPage(headers, publicUrl);
}

function isOwnOrigin(origin: string, host: string | undefined, publicUrl: string | undefined): boolean {
  if (!URL.canParse(origin)) return false;
  const { host: originHost, origin: normalized } = new URL(origin);
  if (publicUrl !== undefined && normalized === new URL(publicUrl).origin) return true;
  return host !== undefined && originHost === host.toLowerCase();
}
