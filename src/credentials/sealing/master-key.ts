import { createHash, hkdfSync, randomBytes } from 'node:crypto';

/**
 * The installation's one root secret. It encrypts nothing itself: every use takes a key derived for that purpose
 * alone (HKDF-SHA256), so that no use can be turned against another. Its bytes are never printed.
 */
export class MasterKey {
  readonly #material: Buffer;
  readonly #wrappingKey: Buffer;
  /** Names the key without telling anything about it: 8 hex digits. */
  readonly id: string;

  constructor(material: Uint8Array) {
    if (material.length !== KEY_BYTES) throw new MasterKeyError('A master key has 32 bytes.');
    this.#material = Buffer.from(material);
    this.#wrappingKey = this.derive('stowage/kek/v1', '');
    this.id = createHash('sha256').update(this.derive('stowage/kek-id/v1', '')).digest('hex').slice(0, 8);
  }

  /** 32 bytes that wrap data keys. */
  get wrappingKey(): Buffer {
    return this.#wrappingKey;
  }

  /**
   * Reads the three accepted spellings: 64 hex digits, 44 base64 characters, or 32 printable characters taken as
   * they are (the form of the implementation guide).
   * @throws MasterKeyError, which does not quote the text
   */
  static parse(text: string): MasterKey {
    if (/^[0-9a-f]{64}$/i.test(text)) return new MasterKey(Buffer.from(text, 'hex'));
    if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return new MasterKey(Buffer.from(text, 'base64'));
    if (/^[\x21-\x7e]{32}$/.test(text)) return new MasterKey(Buffer.from(text, 'ascii'));
    throw new MasterKeyError(
      'A master key is 64 hex digits, 44 base64 characters or 32 printable characters without spaces.',
    );
  }

  /** 64 hex digits that nobody has seen yet. */
  static generateText(): string {
    return randomBytes(KEY_BYTES).toString('hex');
  }

  /** A key for one purpose in one installation, 32 bytes. */
  subkey(purpose: string, installationId: string): Buffer {
    return this.derive(`stowage/sub/${purpose}/v1`, installationId);
  }

  private derive(info: string, salt: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#material, salt, info, KEY_BYTES));
  }
}

/** The text is no master key; the message says what one looks like. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
}

const KEY_BYTES = 32;
