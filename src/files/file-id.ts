import { validationFailed } from '../errors/request-errors.js';

const MAX_INT4 = 2_147_483_647;

/** OpenAPI description of a file's id in a path. */
export const FILE_ID = {
  name: 'id',
  schema: { type: 'integer', minimum: 1, maximum: MAX_INT4 },
  example: 4217,
} as const;

/**
 * Reads the id of a file, or its version, from a path: a positive 32-bit integer in plain digits.
 * @throws RequestError `validation_failed`
 */
export function fileIdOf(text: string, name: 'id' | 'version' = 'id'): number {
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : NaN;
  if (id <= MAX_INT4) return id;
  throw validationFailed([
    { pointer: name, detail: `must be the ${name} of a file, a whole number`, code: 'is_int' },
  ]);
}
