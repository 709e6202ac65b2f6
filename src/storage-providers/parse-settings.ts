import type { ProviderSettings, SettingField, SettingProblem, StorageProvider } from './storage-provider.js';

export interface ParseOptions {
  /** The stored settings, whose secrets are kept where the request leaves one out. */
  readonly previous?: ProviderSettings;
  /** Whether a required secret must be there, given or kept. */
  readonly secretsRequired: boolean;
}

export type ParsedSettings =
  { readonly settings: ProviderSettings } | { readonly problems: readonly SettingProblem[] };

type Body = Readonly<Record<string, unknown>>;
type FieldResult = { readonly value?: string } | { readonly problem: string };

/**
 * Reads a provider's settings from a request body and names all problems at once. Fields may come under their
 * aliases, pasted white space around a value is removed, and nothing that is not a field is let through.
 * A secret that is left out means "unchanged"; an empty one is a mistake.
 */
export function parseSettings(
  provider: StorageProvider,
  body: unknown,
  options: ParseOptions,
): ParsedSettings {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { problems: [{ field: '', problem: 'must be an object' }] };
  }
  const given = body as Body;
  const problems = unknownFields(provider, given);
  const settings: Record<string, string> = {};
  for (const field of provider.fields) {
    const result = readField(field, given, options);
    if ('problem' in result) problems.push({ field: field.name, problem: result.problem });
    else if (result.value !== undefined) settings[field.name] = result.value;
  }
  if (problems.length === 0) problems.push(...(provider.checkSettings?.(settings) ?? []));
  return problems.length > 0 ? { problems } : { settings };
}

/** The settings that may be shown and stored in clear. */
export function publicSettings(provider: StorageProvider, settings: ProviderSettings): ProviderSettings {
  return Object.fromEntries(
    provider.fields
      .filter((field) => !field.secret && settings[field.name] !== undefined)
      .map((field) => [field.name, settings[field.name]!]),
  );
}

function unknownFields(provider: StorageProvider, body: Body): SettingProblem[] {
  const known = new Set(['provider', ...provider.fields.flatMap(namesOf)]);
  return Object.keys(body)
    .filter((name) => !known.has(name))
    .map((field) => ({ field, problem: `is no setting of ${provider.name}` }));
}

function readField(field: SettingField, body: Body, options: ParseOptions): FieldResult {
  const names = namesOf(field).filter((name) => Object.hasOwn(body, name) && body[name] !== undefined);
  if (names.length === 0) return absent(field, options);
  const texts = names.map((name) => asText(body[name]));
  const text = texts[0];
  if (text === undefined || texts.includes(undefined)) return { problem: 'must be text' };
  if (texts.some((other) => other !== text))
    return { problem: `has two values: ${names.join(' and ')} differ` };
  if (text === '' && !field.required && !field.secret) return absent(field, options);
  return checkValue(field, text);
}

function namesOf(field: SettingField): string[] {
  return [field.name, ...(field.aliases ?? [])];
}

/** Booleans, numbers and objects (a service account pasted as JSON) mean what their text means. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return JSON.stringify(value);
  return undefined;
}

function absent(field: SettingField, { previous, secretsRequired }: ParseOptions): FieldResult {
  if (field.secret && previous?.[field.name] !== undefined) return { value: previous[field.name] };
  if (field.defaultValue !== undefined) return { value: field.defaultValue };
  if (field.required && (!field.secret || secretsRequired)) return { problem: 'is required' };
  return {};
}

function checkValue(field: SettingField, text: string): FieldResult {
  if (text === '')
    return {
      problem: field.secret ? 'must not be empty; leave it out to keep the stored one' : 'is required',
    };
  if (text.length > field.maxLength) return { problem: `may have ${field.maxLength} characters at most` };
  if (field.secret && MASK.test(text)) {
    return { problem: 'is a placeholder for a secret; leave it out to keep the stored one' };
  }
  if (field.secret && !field.multiline && /\s/.test(text)) {
    return { problem: 'must not contain spaces or line breaks: copy it again' };
  }
  return field.pattern.test(text) ? { value: text } : { problem: field.patternHelp };
}

/**
 * What forms show in place of a secret: "unchanged" is said by leaving the field out, never by sending this. Rows of
 * x are taken: the settings document has such keys in its requests.
 */
const MASK = /^(?:[*\u2022\u25cf.-]{4,}|<?(?:redacted|hidden|secret|unchanged)>?)$/i;
