import { createHash, randomBytes } from 'node:crypto';

export interface ShareToken {
  /** What makes the link; nobody will see it again. */
  readonly token: string;
  readonly hash: Buffer;
}

/** 256 bits. */
const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

export function newShareToken(): ShareToken {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, hash: sha256(token) };
}

/**
 * What a token is looked up by: no comparison depends on the token itself, and whoever reads the table can open nothing.
 * Plain SHA-256, because 256 random bits cannot be searched.
 * @returns undefined for what is no token; nobody needs to be asked about it
 */
export function hashOfShareToken(text: string): Buffer | undefined {
  return TOKEN.test(text) ? sha256(text) : undefined;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
