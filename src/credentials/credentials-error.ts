import { StowageError, type StowageErrorOptions } from '../errors/stowage-error.js';

export type CredentialsErrorCode =
  'cloud_not_configured' | 'sealed' | 'credentials_unreadable' | 'connection_failed' | 'settings_changed';

/** What can go wrong with a user's sealed settings. */
export class CredentialsError extends StowageError<CredentialsErrorCode> {}

export function cloudNotConfigured(): CredentialsError {
  return new CredentialsError(
    'cloud_not_configured',
    'Cloud not configured. Save your bucket with PUT /api/v1/settings/cloud-storage first.',
  );
}

/** The master key that this process was given is not the one that sealed the credentials. */
export function sealed(): CredentialsError {
  return new CredentialsError(
    'sealed',
    'Stowage is sealed: it was started without the right master key, so stored credentials cannot be used. ' +
      'Its operator must start it with the right ENCRYPTION_KEY.',
    { retryable: true, retryAfterMs: 60_000 },
  );
}

export function credentialsUnreadable(options: Pick<StowageErrorOptions, 'cause'> = {}): CredentialsError {
  return new CredentialsError(
    'credentials_unreadable',
    'The stored credentials cannot be decrypted. Nothing was changed. Enter them again, and tell the operator.',
    options,
  );
}

/** Somebody else changed the settings again and again while this change was being made. */
export function settingsChanged(): CredentialsError {
  return new CredentialsError(
    'settings_changed',
    'The settings were changed by someone else at the same time. Read them again, then repeat the change.',
    { retryable: true },
  );
}
