import { parseSettings } from '../storage-providers/parse-settings.js';
import type {
  ProviderSettings,
  SettingField,
  SettingProblem,
  StorageProvider,
} from '../storage-providers/storage-provider.js';

export type ReadSettings =
  { readonly settings: ProviderSettings } | { readonly problems: readonly SettingProblem[] };

/**
 * Reads settings from a request. A secret that is left out keeps its stored value, but only while it goes to the
 * same address: whoever may change settings must not have the old key sent to a host of their choice.
 * @param previous the stored settings of the same provider, with their secrets
 */
export function readCandidate(
  provider: StorageProvider,
  body: Readonly<Record<string, unknown>>,
  previous: ProviderSettings | undefined,
  defaultRegion: string | undefined,
): ReadSettings {
  const omitted = provider.fields.filter((field) => field.secret && !isGiven(field, body));
  const kept = previous && pick(previous, omitted);
  if (previous === undefined || kept === undefined || Object.keys(kept).length === 0) {
    return parseSettings(provider, body, { secretsRequired: true });
  }
  const trial = parseSettings(provider, body, { secretsRequired: false });
  if ('problems' in trial) return trial;
  const endpoint = provider.endpointOf({ ...kept, ...trial.settings }, defaultRegion);
  if (endpoint?.href === provider.endpointOf(previous, defaultRegion)?.href) {
    return parseSettings(provider, body, { previous, secretsRequired: true });
  }
  return { problems: Object.keys(kept).map((field) => ({ field, problem: ELSEWHERE })) };
}

const ELSEWHERE = 'must be given again, because it would be sent to another address than before';

/** Whether the request says anything about the field, under any of its names. */
export function isGiven(field: SettingField, body: Readonly<Record<string, unknown>>): boolean {
  return [field.name, ...(field.aliases ?? [])].some(
    (name) => Object.hasOwn(body, name) && body[name] !== undefined,
  );
}

function pick(settings: ProviderSettings, fields: readonly SettingField[]): ProviderSettings {
  return Object.fromEntries(
    fields.flatMap(({ name }) => (settings[name] === undefined ? [] : [[name, settings[name]]])),
  );
}
