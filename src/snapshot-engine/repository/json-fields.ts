import { damaged } from '../errors/repository-error.js';

/** The members of a JSON object that another program may have written. Throws `damaged_repository` for anything else. */
export function jsonFields(json: Uint8Array, subject: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString());
  } catch (error) {
    throw damaged(subject, 'it is not JSON', error);
  }
  if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  throw damaged(subject, 'it is not an object');
}

/** What is too long for a screen is cut; control characters, which a terminal might obey, are replaced. */
const MAX_TEXT_CHARACTERS = 256;
// eslint-disable-next-line no-control-regex
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g;

/** A text for humans that a stranger wrote; empty when it is none. */
export function textField(value: unknown): string {
  return typeof value === 'string'
    ? value.slice(0, MAX_TEXT_CHARACTERS).replace(CONTROL_CHARACTERS, '?')
    : '';
}
