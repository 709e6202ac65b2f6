import { BlobCipher } from '../crypto/blob-cipher.js';
import { createSalt, deriveKey, SALT_BYTES, type ScryptCost } from '../crypto/key-derivation.js';
import { encodeMasterKey, parseMasterKey, type MasterKey } from '../crypto/master-key.js';
import { damaged, RepositoryError } from '../errors/repository-error.js';
import { jsonFields, textField } from './json-fields.js';

/** Who made a key and when; for humans. */
export interface KeyDescription {
  /** RFC 3339, as another program may have written it. */
  readonly created: string;
  readonly username: string;
  readonly hostname: string;
}

/** A key file that was read but not opened. */
export interface KeyFile extends KeyDescription {
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  /** The sealed master key. */
  readonly data: Buffer;
}

/** JSON of a new key file for `password`, as restic writes it. */
export async function sealKeyFile(
  masterKey: MasterKey,
  password: string,
  description: KeyDescription,
  cost: ScryptCost,
): Promise<Buffer> {
  const salt = createSalt();
  const passwordKey = await deriveKey(password, salt, cost, 'The new key');
  const data = new BlobCipher(passwordKey).seal(encodeMasterKey(masterKey));
  const { created, username, hostname } = description;
  return Buffer.from(
    JSON.stringify({
      created,
      username,
      hostname,
      kdf: 'scrypt',
      N: cost.n,
      r: cost.r,
      p: cost.p,
      salt: salt.toString('base64'),
      data: data.toString('base64'),
    }),
  );
}

/**
 * Throws `damaged_repository` for what is no key file and `unsupported_repository` for another derivation than scrypt.
 */
export function parseKeyFile(json: Uint8Array, subject: string): KeyFile {
  const fields = jsonFields(json, subject);
  if (fields.kdf !== 'scrypt') {
    throw new RepositoryError('unsupported_repository', `${subject} is not derived by scrypt.`, subject);
  }
  const { N: n, r, p } = fields;
  if (typeof n !== 'number' || typeof r !== 'number' || typeof p !== 'number') {
    throw damaged(subject, 'it does not say how its key is derived');
  }
  const salt = base64Field(fields.salt);
  const data = base64Field(fields.data);
  if (salt?.length !== SALT_BYTES) throw damaged(subject, 'its salt does not have 64 bytes');
  if (data === undefined) throw damaged(subject, 'it holds no key');
  return {
    created: textField(fields.created),
    username: textField(fields.username),
    hostname: textField(fields.hostname),
    cost: { n, r, p },
    salt,
    data,
  };
}

/** The master key, or undefined when the password is not that of this key. */
export async function openKeyFile(
  { cost, salt, data }: KeyFile,
  password: string,
  subject: string,
): Promise<MasterKey | undefined> {
  const passwordKey = await deriveKey(password, salt, cost, subject);
  let json: Buffer;
  try {
    json = new BlobCipher(passwordKey).open(data, subject);
  } catch {
    // A wrong password and a damaged key cannot be told apart.
    return undefined;
  }
  return parseMasterKey(json, subject);
}

function base64Field(value: unknown): Buffer | undefined {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;
}
