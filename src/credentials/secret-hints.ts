import type { ProviderSettings, StorageProvider } from '../storage-providers/storage-provider.js';

/** Shorter secrets would give away too much of themselves. */
const MIN_LENGTH = 12;

/** The last four characters of each secret field, by which its owner recognises it. */
export function secretHints(provider: StorageProvider, settings: ProviderSettings): Record<string, string> {
  return Object.fromEntries(
    provider.fields.flatMap(({ name, secret }) => {
      const value = settings[name];
      return secret && value !== undefined ? [[name, hintOf(value)]] : [];
    }),
  );
}

/** Of a Google key file the key's id is shown: its last characters are the same in all files. */
function hintOf(secret: string): string {
  const recognisable = secret.startsWith('{') ? privateKeyId(secret) : secret;
  return recognisable.length >= MIN_LENGTH ? recognisable.slice(-4) : '';
}

function privateKeyId(json: string): string {
  try {
    const { private_key_id: id } = JSON.parse(json) as { private_key_id?: unknown };
    return typeof id === 'string' ? id : '';
  } catch {
    return '';
  }
}
