import { createPrivateKey, type KeyObject } from 'node:crypto';

/** The four fields that we take from a key file, with the key loaded. */
export interface ServiceAccount {
  readonly clientEmail: string;
  readonly privateKey: KeyObject;
  readonly privateKeyId: string | undefined;
  readonly projectId: string | undefined;
}

export const MAX_KEY_FILE_BYTES = 16 * 1024;

const MIN_RSA_BITS = 2_048;
/** Signing with longer keys takes so long that one user could keep a processor busy. */
const MAX_RSA_BITS = 8_192;

const EMAIL = /^[A-Za-z0-9._%+-]{1,128}@[A-Za-z0-9.-]{1,200}$/;
const ID = /^[A-Za-z0-9._:-]{1,128}$/;

/**
 * Reads the JSON key file of a Google service account. Only `type: service_account` is accepted and only four
 * fields are looked at: the other types name files, programs and URLs that a client library would open for whoever
 * wrote the file. Nothing of the file is repeated in a problem.
 */
export function parseServiceAccount(json: string): ServiceAccount | { readonly problem: string } {
  if (Buffer.byteLength(json) > MAX_KEY_FILE_BYTES) return { problem: 'must not be longer than 16 KiB' };
  const file = parseObject(json);
  if (file === undefined) return { problem: 'must be the whole JSON key file of a service account' };
  if (file.type !== 'service_account') {
    return {
      problem: 'must have "type": "service_account"; no other kind of Google credentials is accepted',
    };
  }
  if (file.universe_domain !== undefined && file.universe_domain !== 'googleapis.com') {
    return { problem: 'must have no universe_domain but googleapis.com' };
  }
  const { client_email: clientEmail, private_key_id: privateKeyId, project_id: projectId } = file;
  if (typeof clientEmail !== 'string' || !EMAIL.test(clientEmail)) {
    return { problem: 'must have the e-mail address of the service account in client_email' };
  }
  const key = loadPrivateKey(file.private_key);
  if ('problem' in key) return key;
  return {
    clientEmail,
    privateKey: key.privateKey,
    privateKeyId: idOf(privateKeyId),
    projectId: idOf(projectId),
  };
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? { ...(value as Record<string, unknown>) } : undefined;
  } catch {
    return undefined;
  }
}

function loadPrivateKey(pem: unknown): { privateKey: KeyObject } | { problem: string } {
  if (typeof pem !== 'string' || pem === '') return { problem: 'must have a private_key' };
  const privateKey = tryLoad(pem) ?? tryLoad(pem.replaceAll('\\n', '\n'));
  if (privateKey === undefined) return { problem: 'must have an unencrypted PEM key in private_key' };
  if (privateKey.asymmetricKeyType !== 'rsa') return { problem: 'must have an RSA key in private_key' };
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS
    ? { privateKey }
    : { problem: `must have an RSA key of ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits in private_key` };
}

function tryLoad(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    return undefined;
  }
}

function idOf(value: unknown): string | undefined {
  return typeof value === 'string' && ID.test(value) ? value : undefined;
}
