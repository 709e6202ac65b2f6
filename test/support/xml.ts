/** A parsed element: child elements in order, and its own text with entities resolved. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

/** Thrown for anything that is not one well-formed element. */
export class XmlSyntaxError extends Error {}

/**
 * Reads the small documents that clients of S3 and GCS send (Delete, CompleteMultipartUpload, ...).
 * Attributes are read over, DOCTYPE and unknown entities are refused.
 */
export function parseXml(source: string): XmlElement {
  const root: XmlElement = { name: '', children: [], text: '' };
  const open: XmlElement[] = [root];
  const token = /<\?[^>]*\?>|<!--[\s\S]*?-->|<(\/?)([A-Za-z_][\w:.-]*)([^<>]*?)(\/?)>|([^<]+)/y;
  let at = 0;
  while (at < source.length) {
    token.lastIndex = at;
    const match = token.exec(source);
    if (!match) throw new XmlSyntaxError(`Not well-formed at character ${at}.`);
    at = token.lastIndex;
    const [, closing, name, , empty, text] = match;
    const current = open[open.length - 1]!;
    if (text !== undefined) current.text += unescapeXml(text);
    else if (name !== undefined) takeTag(open, name, closing === '/', empty === '/');
  }
  const [document, ...others] = root.children;
  if (open.length !== 1 || !document || others.length > 0)
    throw new XmlSyntaxError('Not one closed element.');
  return document;
}

export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

/** Text as XML 1.0 allows it; control characters become references, as S3 writes them. */
export function escapeXml(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replace(/[&<>"'\u0000-\u001f\ufffe\uffff]/g, (character) => {
    const named = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }[character];
    return named ?? `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`;
  });
}

/** `<name>text</name>`, or nothing when there is no value. */
export function tag(name: string, value: string | number | boolean | undefined): string {
  return value === undefined ? '' : `<${name}>${escapeXml(String(value))}</${name}>`;
}

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

function takeTag(open: XmlElement[], name: string, closing: boolean, empty: boolean): void {
  const current = open[open.length - 1]!;
  const localName = name.slice(name.indexOf(':') + 1);
  if (closing) {
    if (open.length === 1 || current.name !== localName) throw new XmlSyntaxError(`Unexpected </${name}>.`);
    open.pop();
    return;
  }
  const element: XmlElement = { name: localName, children: [], text: '' };
  current.children.push(element);
  if (!empty) open.push(element);
}

function unescapeXml(text: string): string {
  return text.replace(/&([^;&]*);?/g, (whole, body: string) => {
    const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
    if (named[body]) return named[body];
    const hex = /^#x([0-9a-f]{1,6})$/i.exec(body);
    const decimal = /^#(\d{1,7})$/.exec(body);
    const code = hex ? parseInt(hex[1]!, 16) : decimal ? parseInt(decimal[1]!, 10) : NaN;
    if (!(code <= 0x10ffff)) throw new XmlSyntaxError(`Unknown entity ${whole}.`);
    return String.fromCodePoint(code);
  });
}
