/** RFC 3986: everything but unreserved characters, as V4 signatures demand. */
export function percentEncode(value: string): string {
  return encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Path-style, so that bucket names with dots keep a valid TLS certificate. */
export function xmlPath(bucket: string, key: string): string {
  return `/${percentEncode(bucket)}/${key.split('/').map(percentEncode).join('/')}`;
}

export function jsonPath(bucket: string, key?: string): string {
  const objects = `/storage/v1/b/${percentEncode(bucket)}/o`;
  return key === undefined ? objects : `${objects}/${percentEncode(key)}`;
}

/** `?a=1&b=2` without the undefined ones. */
export function queryString(parameters: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `?${pairs.map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`).join('&')}`;
}
