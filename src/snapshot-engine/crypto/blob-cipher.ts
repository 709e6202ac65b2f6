import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomFillSync,
  type Cipheriv,
  type KeyObject,
} from 'node:crypto';
import sodium from 'sodium-native';
import { damaged } from '../errors/repository-error.js';
import { releaseMemory } from '../workers/release-memory.js';
import { MAC_KEY_BYTES, type MasterKey } from './master-key.js';

const IV_BYTES = 16;
const TAG_BYTES = 16;

/** What sealing adds: IV in front, tag behind. */
export const SEALED_OVERHEAD_BYTES = IV_BYTES + TAG_BYTES;

/** IVs and their one-time keys are drawn this many at a time: two calls for 256 blobs instead of two for each. */
const IVS_PER_DRAW = 256;

/**
 * Seals blobs and files as restic does: IV (16 random bytes) || AES-256-CTR || Poly1305-AES tag over the ciphertext.
 * The one-time key of Poly1305 is r || AES-128_k(IV). One instance per thread; it keeps ciphers and scratch memory.
 */
export class BlobCipher {
  readonly #encryptionKey: KeyObject;
  readonly #nonceCipher: Cipheriv;
  /** r || AES-128_k(IV) of the blob in hand. */
  readonly #oneTimeKey = Buffer.alloc(2 * MAC_KEY_BYTES);
  readonly #ivs = Buffer.alloc(IVS_PER_DRAW * IV_BYTES);
  #encryptedIvs = this.#ivs;
  #nextIv = IVS_PER_DRAW;

  constructor(key: MasterKey) {
    this.#encryptionKey = createSecretKey(key.encryptionKey);
    // Without padding ECB keeps nothing between blocks, so one cipher serves for ever.
    this.#nonceCipher = createCipheriv('aes-128-ecb', key.macK, null).setAutoPadding(false);
    this.#oneTimeKey.set(key.macR);
  }

  seal(plaintext: Uint8Array): Buffer {
    const sealed = Buffer.allocUnsafeSlow(plaintext.length + SEALED_OVERHEAD_BYTES);
    this.sealInto(plaintext, sealed, 0);
    return sealed;
  }

  /** Writes `plaintext.length + SEALED_OVERHEAD_BYTES` bytes into `target` at `offset` and answers that number. */
  sealInto(plaintext: Uint8Array, target: Uint8Array, offset: number): number {
    const end = offset + plaintext.length + SEALED_OVERHEAD_BYTES;
    if (end > target.length) throw new RangeError('The sealed bytes do not fit into the target.');
    const iv = this.#drawIv();
    const ciphertext = createCipheriv('aes-256-ctr', this.#encryptionKey, iv).update(plaintext);
    target.set(iv, offset);
    target.set(ciphertext, offset + IV_BYTES);
    sodium.crypto_onetimeauth(target.subarray(end - TAG_BYTES, end), ciphertext, this.#oneTimeKey);
    releaseMemory(ciphertext);
    return end - offset;
  }

  /** The plaintext. Throws `damaged_repository` about `subject` unless the tag is right. */
  open(sealed: Uint8Array, subject: string): Buffer {
    if (sealed.length < SEALED_OVERHEAD_BYTES) throw damaged(subject, 'it is too short to be sealed');
    const iv = sealed.subarray(0, IV_BYTES);
    const ciphertext = sealed.subarray(IV_BYTES, sealed.length - TAG_BYTES);
    const tag = sealed.subarray(sealed.length - TAG_BYTES);
    this.#oneTimeKey.set(this.#nonceCipher.update(iv), MAC_KEY_BYTES);
    if (!sodium.crypto_onetimeauth_verify(tag, ciphertext, this.#oneTimeKey)) {
      throw damaged(subject, 'its authentication tag is wrong');
    }
    return createDecipheriv('aes-256-ctr', this.#encryptionKey, iv).update(ciphertext);
  }

  /** An IV that was never used, with its one-time key set. */
  #drawIv(): Buffer {
    if (this.#nextIv === IVS_PER_DRAW) {
      randomFillSync(this.#ivs);
      this.#encryptedIvs = this.#nonceCipher.update(this.#ivs);
      this.#nextIv = 0;
    }
    const at = this.#nextIv * IV_BYTES;
    this.#nextIv += 1;
    const iv = this.#ivs.subarray(at, at + IV_BYTES);
    // restic refuses an IV of zeros; chance never makes one, a broken generator would.
    if (iv.every((byte) => byte === 0)) throw new Error('The random number generator answers zeros.');
    this.#oneTimeKey.set(this.#encryptedIvs.subarray(at, at + IV_BYTES), MAC_KEY_BYTES);
    return iv;
  }
}
