import { goUnquote } from './go-quote.js';
import { parseTime } from './go-time.js';
import type { JsonScanner } from './json-scanner.js';
import { NODE_TYPES, type ExtendedAttribute, type Node, type NodeType } from './node.js';

const MAX_UINT32 = 2 ** 32 - 1;
const ID_DIGITS = 64;
const NODE_TYPE_NAMES: ReadonlySet<string> = new Set(NODE_TYPES);

/** Reads nodes from their JSON, one after another; liberal about what is missing or unknown. */
export class NodeDecoder {
  /** What could not be understood in the node read last. */
  problems: string[] = [];

  readonly json: JsonScanner;
  readonly user = new RepeatedText();
  readonly group = new RepeatedText();
  /** The same for all nodes: less garbage. */
  readonly #draft = new Draft();
  /** Where the time read last stands in the text: atime mostly repeats mtime. */
  #timeStart = 0;
  #timeEnd = 0;
  #time = 0n;

  constructor(json: JsonScanner) {
    this.json = json;
  }

  /** Throws JsonSyntaxError. */
  read(): Node {
    const { json } = this;
    const draft = this.#draft;
    draft.clear();
    this.problems = [];
    this.#timeEnd = this.#timeStart;
    if (!json.openObject()) return draft.finish();
    let expected = 0;
    for (let first = true; json.nextKey(first); first = false) {
      const field = fieldOf(json, expected);
      if (field === -1) {
        json.skipValue();
        continue;
      }
      if (!json.readNull()) FIELDS[field]!.read(draft, this);
      expected = field + 1;
    }
    return draft.finish();
  }

  readTime(): bigint {
    const { json } = this;
    json.readString();
    const { bytes, stringStart: start, stringEnd: end } = json;
    if (!equalRanges(bytes, start, end, this.#timeStart, this.#timeEnd)) {
      const time = parseTime(bytes, start, end);
      if (time === undefined) this.problems.push('a time that is none');
      this.#time = time ?? 0n;
    }
    this.#timeStart = start;
    this.#timeEnd = end;
    return this.#time;
  }

  readName(): Buffer {
    const { json } = this;
    json.readString();
    const { bytes, stringStart, stringEnd } = json;
    if (!json.stringHasEscapes && json.stringIsAscii) {
      return Buffer.copyBytesFrom(bytes, stringStart, stringEnd - stringStart);
    }
    const text = json.stringText();
    const name = goUnquote(text);
    if (name === undefined) this.problems.push('a name with broken quoting');
    return name ?? Buffer.from(text);
  }

  readType(): NodeType | undefined {
    const type = this.json.text();
    if (NODE_TYPE_NAMES.has(type)) return type as NodeType;
    this.problems.push('an unknown type');
    return undefined;
  }

  readId(): string {
    const { json } = this;
    json.readString();
    if (!isId(json.bytes, json.stringStart, json.stringEnd)) this.problems.push('a reference that is no id');
    return json.stringText();
  }

  readIds(): string[] {
    const ids: string[] = [];
    if (!this.json.openList()) return ids;
    for (let first = true; this.json.nextItem(first); first = false) ids.push(this.readId());
    return ids;
  }

  readAttributes(): ExtendedAttribute[] {
    const attributes: ExtendedAttribute[] = [];
    if (!this.json.openList()) return attributes;
    for (let first = true; this.json.nextItem(first); first = false) attributes.push(this.#readAttribute());
    return attributes;
  }

  #readAttribute(): ExtendedAttribute {
    const { json } = this;
    let name = '';
    let value: Buffer = Buffer.alloc(0);
    if (!json.openObject()) return { name, value };
    for (let first = true; json.nextKey(first); first = false) {
      if (json.stringIs(NAME)) name = json.text();
      else if (json.stringIs(VALUE)) value = json.readNull() ? value : this.readBase64();
      else json.skipValue();
    }
    return { name, value };
  }

  readBase64(): Buffer {
    const text = this.json.text();
    const value = Buffer.from(text, 'base64');
    if (value.toString('base64') !== text) this.problems.push('a value in broken base64');
    return value;
  }
}

/** A node being read. */
class Draft {
  name: Buffer | undefined;
  type: NodeType | undefined;
  mode: number;
  mtimeNs: bigint;
  atimeNs: bigint | undefined;
  ctimeNs: bigint | undefined;
  uid: number;
  gid: number;
  user: string | undefined;
  group: string | undefined;
  inode: bigint | undefined;
  deviceId: bigint | undefined;
  sizeBytes: number | undefined;
  links: number | undefined;
  linkTarget: Buffer | undefined;
  rawLinkTarget: Buffer | undefined;
  extendedAttributes: ExtendedAttribute[] | undefined;
  genericAttributes: string | undefined;
  device: bigint | undefined;
  content: string[] | undefined;
  subtree: string | undefined;
  error: string | undefined;

  /** What holds for a field that is missing. */
  clear(): void {
    this.name = undefined;
    this.type = undefined;
    this.mode = 0;
    this.mtimeNs = 0n;
    this.atimeNs = undefined;
    this.ctimeNs = undefined;
    this.uid = 0;
    this.gid = 0;
    this.user = undefined;
    this.group = undefined;
    this.inode = undefined;
    this.deviceId = undefined;
    this.sizeBytes = undefined;
    this.links = undefined;
    this.linkTarget = undefined;
    this.rawLinkTarget = undefined;
    this.extendedAttributes = undefined;
    this.genericAttributes = undefined;
    this.device = undefined;
    this.content = undefined;
    this.subtree = undefined;
    this.error = undefined;
  }

  finish(): Node {
    return {
      name: this.name ?? Buffer.alloc(0),
      type: this.type ?? 'irregular',
      mode: this.mode,
      mtimeNs: this.mtimeNs,
      atimeNs: this.atimeNs ?? this.mtimeNs,
      ctimeNs: this.ctimeNs ?? this.mtimeNs,
      uid: this.uid,
      gid: this.gid,
      user: this.user,
      group: this.group,
      inode: this.inode,
      deviceId: this.deviceId,
      sizeBytes: this.sizeBytes ?? (this.type === 'file' ? 0 : undefined),
      links: this.links,
      linkTarget: this.rawLinkTarget ?? this.linkTarget,
      extendedAttributes: this.extendedAttributes,
      genericAttributes: this.genericAttributes,
      device: this.device,
      content: this.content,
      subtree: this.subtree,
      error: this.error,
    };
  }
}

interface Field {
  readonly key: Buffer;
  readonly read: (draft: Draft, decoder: NodeDecoder) => void;
}

const field = (key: string, read: Field['read']): Field => ({ key: Buffer.from(key), read });

/** In the order in which restic writes them. */
const FIELDS: readonly Field[] = [
  field('name', (draft, decoder) => (draft.name = decoder.readName())),
  field('type', (draft, decoder) => (draft.type = decoder.readType())),
  field('mode', (draft, { json }) => (draft.mode = json.unsigned(MAX_UINT32))),
  field('mtime', (draft, decoder) => (draft.mtimeNs = decoder.readTime())),
  field('atime', (draft, decoder) => (draft.atimeNs = decoder.readTime())),
  field('ctime', (draft, decoder) => (draft.ctimeNs = decoder.readTime())),
  field('uid', (draft, { json }) => (draft.uid = json.unsigned(MAX_UINT32))),
  field('gid', (draft, { json }) => (draft.gid = json.unsigned(MAX_UINT32))),
  field('user', (draft, { json, user }) => (draft.user = user.read(json))),
  field('group', (draft, { json, group }) => (draft.group = group.read(json))),
  field('inode', (draft, { json }) => (draft.inode = json.unsigned64())),
  field('device_id', (draft, { json }) => (draft.deviceId = json.unsigned64())),
  field('size', (draft, { json }) => (draft.sizeBytes = json.unsigned(Number.MAX_SAFE_INTEGER))),
  field('links', (draft, { json }) => (draft.links = json.unsigned(Number.MAX_SAFE_INTEGER))),
  field('linktarget', (draft, { json }) => (draft.linkTarget = Buffer.from(json.text()))),
  field('linktarget_raw', (draft, decoder) => (draft.rawLinkTarget = decoder.readBase64())),
  field('extended_attributes', (draft, decoder) => (draft.extendedAttributes = decoder.readAttributes())),
  field('generic_attributes', (draft, { json }) => (draft.genericAttributes = json.skipValue().toString())),
  field('device', (draft, { json }) => (draft.device = json.unsigned64())),
  field('content', (draft, decoder) => (draft.content = decoder.readIds())),
  field('subtree', (draft, decoder) => (draft.subtree = decoder.readId())),
  field('error', (draft, { json }) => (draft.error = json.text())),
];
const NAME = Buffer.from('name');
const VALUE = Buffer.from('value');

/** Which field the key read last names, or -1; the one that may come next is tried first. */
function fieldOf(json: JsonScanner, expected: number): number {
  for (let i = 0; i < FIELDS.length; i++) {
    const candidate = expected + i < FIELDS.length ? expected + i : expected + i - FIELDS.length;
    if (json.stringIs(FIELDS[candidate]!.key)) return candidate;
  }
  return -1;
}

/** A text that mostly repeats the one before, which then costs no new string. */
export class RepeatedText {
  #bytes = Buffer.alloc(0);
  #text = '';

  read(json: JsonScanner): string {
    json.readString();
    if (!json.stringIs(this.#bytes)) {
      this.#text = json.stringText();
      this.#bytes = Buffer.copyBytesFrom(json.bytes, json.stringStart, json.stringEnd - json.stringStart);
    }
    return this.#text;
  }
}

/** 64 lower-case hex digits. */
function isId(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== ID_DIGITS) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
  }
  return true;
}

function equalRanges(
  bytes: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = end - start - 1; i >= 0; i--) {
    if (bytes[start + i] !== bytes[otherStart + i]) return false;
  }
  return true;
}
