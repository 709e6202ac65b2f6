export const OCTET_STREAM = 'application/octet-stream';

const MAX_MEDIA_TYPE_CHARS = 255;
const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const TYPE_WITH_PARAMETERS = new RegExp(
  `^${TOKEN}/${TOKEN}(?:\\s*;\\s*${TOKEN}=(?:${TOKEN}|"[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"))*$`,
);

/**
 * What browsers run, or hand to something that runs: markup with scripts, scripts, and formats that carry either.
 * RFC 9239 lists the script types; MIME Sniffing's "scriptable MIME type" adds HTML, PDF and all XML.
 */
const ACTIVE_TYPE =
  /^(?:text|application)\/(?:(?:x-)?(?:java|ecma|live|j)script\d*(?:\.\d)?|html|xml|xslt?|pdf|xhtml|mathml|x-shockwave-flash|cache-manifest|x-component)$|[+/.]xml$|\+xml-|svg|html|^multipart\/|^message\//;

/** What browsers show by themselves and never run, whatever bytes it has: no type that is not listed is shown. */
const SHOWN_TYPE =
  /^(?:image\/(?:apng|avif|bmp|gif|jpeg|png|webp)|(?:audio|video)\/[\w.-]+|text\/plain|application\/json)$/;

/**
 * A media type as the client sent it, if it is one: kept as data, given back with downloads.
 * Anything else becomes application/octet-stream.
 */
export function cleanMediaType(value: string | undefined): string {
  const type = value?.trim() ?? '';
  return type.length <= MAX_MEDIA_TYPE_CHARS && TYPE_WITH_PARAMETERS.test(type) ? type : OCTET_STREAM;
}

/** The media type under which stored bytes may be served to a browser. */
export function servedMediaType(stored: string): string {
  return ACTIVE_TYPE.test(essenceOf(stored)) ? OCTET_STREAM : stored;
}

/**
 * Whether a browser may show stored bytes instead of saving them. Also where nobody can say `nosniff` or `sandbox`, as in
 * an answer of a provider: so it is a list of what may, not of what may not.
 */
export function isShown(stored: string): boolean {
  return SHOWN_TYPE.test(essenceOf(stored)) && servedMediaType(stored) === stored;
}

/** Sound or a film, for which browsers have a player. */
export function isPlayed(stored: string): boolean {
  return /^(?:audio|video)\//.test(essenceOf(stored));
}

/** Without parameters. */
function essenceOf(mediaType: string): string {
  return (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
}
