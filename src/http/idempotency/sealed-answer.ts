import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PURPOSE = 'stowage idempotent answer';

/**
 * Seals a stored answer with a key that only its caller has: answers hold secrets (a new API key, signed URLs), and
 * whoever reads the table must not read them. AES-256-GCM, key by HKDF-SHA-256 from the caller's credential, which
 * the database does not hold; base64 of nonce, tag, ciphertext.
 * @param credential the Authorization or Cookie header of the request
 * @param context binds the answer to its row
 */
export function sealAnswer(body: string, credential: string, context: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(credential, context), nonce).setAAD(
    Buffer.from(context),
  );
  const ciphertext = Buffer.concat([cipher.update(body, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64');
}

/** Undefined when the credential or the row is another one. */
export function unsealAnswer(sealed: string, credential: string, context: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', keyOf(credential, context), nonce).setAAD(
    Buffer.from(context),
  );
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    return (
      decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    );
  } catch {
    return undefined;
  }
}

function keyOf(credential: string, context: string): Buffer {
  return Buffer.from(hkdfSync('sha256', credential, context, PURPOSE, 32));
}
