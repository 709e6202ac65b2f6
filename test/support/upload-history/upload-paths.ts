import { local, localRow } from './local-writers.js';
import { direct, tus } from './resuming-writers.js';
import { chunked, form, overwriting, raw, type UploadPath } from './writers.js';

/** Every way a file gets into the bucket. */
export const UPLOAD_PATHS: Readonly<Record<string, UploadPath>> = {
  raw,
  chunked,
  form,
  overwriting,
  direct,
  tus,
  local,
  localRow,
};
