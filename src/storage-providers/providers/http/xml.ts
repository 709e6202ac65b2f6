export interface XmlElement {
  readonly name: string;
  /** As written: `Encoded="true"`. */
  readonly attributes: string;
  /** Character data directly inside, entities decoded. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/** Deeper or longer documents are no storage answer. */
const MAX_DEPTH = 16;
const MAX_TOKENS = 200_000;

/**
 * The root element of a small XML document, or undefined when the text is anything else: HTML, cut off, with a
 * document type (and so with entities of its own), or beyond the bounds above. Namespace prefixes are dropped.
 */
export function parseXml(text: string): XmlElement | undefined {
  const document: OpenElement = { name: '', attributes: '', text: '', children: [] };
  const open = [document];
  let tokens = 0;
  let at = 0;
  for (const token of text.matchAll(TOKEN)) {
    // A gap means that something was no token: the document is not well-formed.
    if (token.index !== at || !apply(token, open)) return undefined;
    at += token[0].length;
    tokens += 1;
    if (tokens > MAX_TOKENS || open.length > MAX_DEPTH) return undefined;
  }
  const isWhole = at === text.length && open.length === 1 && document.text.trim() === '';
  return isWhole && document.children.length === 1 ? document.children[0] : undefined;
}

/** Text of the first child called `name`. */
export function childText(element: XmlElement | undefined, name: string): string | undefined {
  return element?.children.find((child) => child.name === name)?.text;
}

/** All children called `name`. */
export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** For a value inside an XML document that we send. */
export function escapeXml(value: string): string {
  return value.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

interface OpenElement extends XmlElement {
  text: string;
  readonly children: OpenElement[];
}

/** Character data | declaration or comment | tag: every alternative is linear. */
const TOKEN = /([^<]+)|<\?[^>]*\?>|<!--(?:(?!-->)[^])*-->|<(\/?)([A-Za-z_][\w.:-]*)(\s[^<>]*?)?(\/?)>/g;

/** Takes one token into the innermost open element; false when it does not belong there. */
function apply(token: RegExpMatchArray, open: OpenElement[]): boolean {
  const [, characters, closing, name, attributes, selfClosing] = token;
  const current = open.at(-1);
  if (current === undefined) return false;
  if (characters !== undefined) {
    current.text += decode(characters);
  } else if (name !== undefined && closing === '/') {
    open.pop();
    return open.length > 0 && current.name === localName(name);
  } else if (name !== undefined) {
    const element: OpenElement = {
      name: localName(name),
      attributes: attributes ?? '',
      text: '',
      children: [],
    };
    current.children.push(element);
    if (selfClosing !== '/') open.push(element);
  }
  return true;
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|([a-z]{2,4}));/g, (whole, hex, decimal, named) => {
    if (named !== undefined) return NAMED[named as string] ?? whole;
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
