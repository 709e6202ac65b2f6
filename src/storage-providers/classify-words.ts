import type { Verdict } from './classify-codes.js';
import { HINTS, SENTENCES, STORES } from './classify-texts.js';
import type { ProviderFailure } from './provider-failure.js';
import type { StorageOperation } from './storage-errors.js';

export interface Words {
  /** What happened, as a sentence. */
  readonly sentence: string;
  /** One line that repairs it. */
  readonly hint: string;
}

/** Speaks of settings by their wire names, and never quotes the provider's own text. */
export function wordsFor(verdict: Verdict, failure: ProviderFailure): Words {
  const values = placeholders(verdict, failure);
  return {
    sentence: fill(mostTelling(SENTENCES, verdict, failure), values),
    hint: fill(mostTelling(HINTS, verdict, failure), values),
  };
}

function mostTelling(
  texts: Readonly<Record<string, string>>,
  verdict: Verdict,
  failure: ProviderFailure,
): string {
  const { code, nuance } = verdict;
  return (
    (nuance && (texts[`${code}/${nuance}/${failure.provider}`] ?? texts[`${code}/${nuance}`])) ??
    texts[`${code}/${failure.provider}`] ??
    texts[code] ??
    code
  );
}

type Placeholders = Readonly<Record<string, string>>;

function placeholders(verdict: Verdict, failure: ProviderFailure): Placeholders {
  const store = STORES[failure.provider];
  const shownCode = [failure.code, failure.errno].find((code) => code && /^[\w.:-]{1,80}$/.test(code));
  return {
    store: store.label,
    service: store.service,
    Fields: store.fields.join(' and '),
    id: store.fields[0] ?? '',
    secret: store.fields.at(-1) ?? '',
    keyPlace: store.keyPlace,
    bucket: failure.bucket ? `"${failure.bucket}"` : 'you named',
    resource: `arn:aws:s3:::${failure.bucket ?? 'your-bucket'}${onTheBucket(failure.operation) ? '' : '/*'}`,
    action: ACTIONS[failure.operation],
    permission: verdict.permission ?? 'that this call needs',
    region: verdict.region ?? 'another one',
    code: shownCode ?? (failure.httpStatus === undefined ? 'no code' : `HTTP ${failure.httpStatus}`),
  };
}

/** One pass, so that a value that looks like a placeholder stays as it is. */
function fill(text: string, values: Placeholders): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

function onTheBucket(operation: StorageOperation): boolean {
  return operation === 'list' || operation === 'connect' || operation === 'list_multipart';
}

const ACTIONS: Readonly<Record<StorageOperation, string>> = {
  list: 'list the bucket',
  get: 'read an object',
  head: "read an object's properties",
  put: 'store an object',
  delete: 'delete an object',
  create_multipart: 'begin a multipart upload',
  upload_part: 'store a part',
  complete_multipart: 'finish a multipart upload',
  abort_multipart: 'abort a multipart upload',
  list_multipart: 'list unfinished uploads',
  list_parts: 'list the parts of an upload',
  copy: 'copy an object',
  copy_part: 'copy a part of an object',
  sign: 'sign a URL',
  connect: 'open the bucket',
};
