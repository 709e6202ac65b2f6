import { isUtf8 } from 'node:buffer';
import { goJsonString, goJsonStringOfBytes } from './go-json.js';
import { goQuote, isPlainName } from './go-quote.js';
import { formatTime } from './go-time.js';
import type { ExtendedAttribute, Node } from './node.js';

/**
 * A node's JSON exactly as restic writes it: its order of fields, nothing for what is empty but `uid`, `gid`, the times
 * and `content`, times in UTC (a tree's id must not depend on a time zone).
 */
export function encodeNode(node: Node): string {
  const { mode, mtimeNs, atimeNs, ctimeNs } = node;
  const mtime = formatTime(mtimeNs);
  const atime = atimeNs === mtimeNs ? mtime : formatTime(atimeNs);
  const ctime = ctimeNs === mtimeNs ? mtime : formatTime(ctimeNs);
  const modeField = mode === 0 ? '' : `,"mode":${mode >>> 0}`;
  return (
    `{"name":${quotedName(node.name)},"type":"${node.type}"${modeField},"mtime":"${mtime}","atime":"${atime}"` +
    `,"ctime":"${ctime}","uid":${node.uid},"gid":${node.gid}${owner(node)}${origin(node)}${extent(node)}` +
    `${linkTarget(node.linkTarget)}${attributes(node)}${target(node)}}`
  );
}

function quotedName(name: Buffer): string {
  const latin1 = name.toString('latin1');
  return isPlainName(latin1) ? `"${latin1}"` : goJsonString(goQuote(name));
}

function owner({ user, group }: Node): string {
  return (user ? `,"user":${goJsonString(user)}` : '') + (group ? `,"group":${goJsonString(group)}` : '');
}

function origin({ inode, deviceId }: Node): string {
  return (inode ? `,"inode":${inode}` : '') + (deviceId ? `,"device_id":${deviceId}` : '');
}

function extent({ sizeBytes, links }: Node): string {
  return (sizeBytes ? `,"size":${sizeBytes}` : '') + (links ? `,"links":${links}` : '');
}

/** A target that is no UTF-8 stands there twice: mangled for old versions of restic, and raw. */
function linkTarget(bytes: Buffer | undefined): string {
  if (bytes === undefined || bytes.length === 0) return '';
  if (isUtf8(bytes)) return `,"linktarget":${goJsonString(bytes.toString())}`;
  return `,"linktarget":${goJsonStringOfBytes(bytes)},"linktarget_raw":"${bytes.toString('base64')}"`;
}

function attributes({ extendedAttributes, genericAttributes, device }: Node): string {
  let json = '';
  if (extendedAttributes !== undefined && extendedAttributes.length > 0) {
    json += `,"extended_attributes":[${extendedAttributes.map(encodeAttribute).join(',')}]`;
  }
  if (genericAttributes !== undefined) json += `,"generic_attributes":${genericAttributes}`;
  return device ? `${json},"device":${device}` : json;
}

function encodeAttribute({ name, value }: ExtendedAttribute): string {
  return `{"name":${goJsonString(name)},"value":"${value.toString('base64')}"}`;
}

function target({ content, subtree, error }: Node): string {
  const ids = content === undefined ? 'null' : content.length === 0 ? '[]' : `["${content.join('","')}"]`;
  const tree = subtree === undefined ? '' : `,"subtree":"${subtree}"`;
  return `,"content":${ids}${tree}${error ? `,"error":${goJsonString(error)}` : ''}`;
}
