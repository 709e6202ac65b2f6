import { BlobCipher, SEALED_OVERHEAD_BYTES } from '../../../src/snapshot-engine/crypto/blob-cipher.js';
import { createMasterKey } from '../../../src/snapshot-engine/crypto/master-key.js';

const IV_BYTES = 16;
const TAG = Buffer.alloc(16, 0x5a);

/**
 * Seals nothing, with a counter instead of random IVs: what a simulation stores is the same for the same seed, and two
 * copies of one content have different names as ever.
 */
export class PlainCipher extends BlobCipher {
  #sealed = 0;

  constructor() {
    super(createMasterKey());
  }

  override seal(plaintext: Uint8Array): Buffer {
    const sealed = Buffer.alloc(plaintext.length + SEALED_OVERHEAD_BYTES);
    this.sealInto(plaintext, sealed, 0);
    return sealed;
  }

  override sealInto(plaintext: Uint8Array, target: Uint8Array, offset: number): number {
    this.#sealed += 1;
    const iv = Buffer.alloc(IV_BYTES, 1);
    iv.writeUInt32BE(this.#sealed);
    target.set(iv, offset);
    target.set(plaintext, offset + IV_BYTES);
    target.set(TAG, offset + IV_BYTES + plaintext.length);
    return plaintext.length + SEALED_OVERHEAD_BYTES;
  }

  override open(sealed: Uint8Array, subject: string): Buffer {
    if (!TAG.equals(sealed.subarray(-TAG.length))) throw new Error(`${subject} was not sealed here.`);
    return Buffer.from(sealed.subarray(IV_BYTES, sealed.length - TAG.length));
  }
}
