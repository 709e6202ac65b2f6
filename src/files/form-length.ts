import type { FormReader } from './form-reader.js';

/**
 * Clients whose forms do not always end with `--` and one line break, told by how they make boundaries:
 * Node's fetch sent no line break until the end of 2024 (nodejs/undici#3625), multipart-post of Ruby sent two.
 */
const OTHER_ENDINGS = [/^-+formdata-undici-/, /^-+RubyMultipartPost/i];

/**
 * The length of a file that is the last part of a form, computed before it is read: what the form's Content-Length
 * leaves between the part's head and the closing boundary. Undefined when it cannot be known.
 * A promise only: whoever relies on it must see the form end where it says.
 */
export function lastPartBytes(
  contentLength: number | undefined,
  form: Pick<FormReader, 'consumedBytes' | 'usualTailBytes'>,
  boundary: string,
): number | undefined {
  if (contentLength === undefined || OTHER_ENDINGS.some((pattern) => pattern.test(boundary)))
    return undefined;
  const sizeBytes = contentLength - form.consumedBytes - form.usualTailBytes;
  return sizeBytes >= 0 ? sizeBytes : undefined;
}
