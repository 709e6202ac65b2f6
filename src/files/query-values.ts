/**
 * The values of one parameter, decoded. Read from the request's own URL: the framework's parser replaces or keeps bytes
 * that are not UTF-8, and what names files must come out as it went in.
 * @param url path and query of the request
 * @returns undefined for a value that is not percent-encoded UTF-8
 */
export function queryValues(url: string, name: string): (string | undefined)[] {
  const query = url.slice(url.indexOf('?') + 1 || url.length);
  return query
    .split('&')
    .filter((pair) => pair === name || pair.startsWith(`${name}=`))
    .map((pair) => decode(pair.slice(name.length + 1)));
}

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
