import { constants, ZstdCompress, ZstdDecompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { isWholeFrame } from './zstd-frame.js';
import { compressionOptions, decompressionOptions, ZSTD_PARAMS } from './zstd-options.js';

/**
 * Nearly all chunks are shorter. Beyond this size the making of a context, some 20 to 30 us, does not matter, and neither
 * does its memory, which is rarely needed then.
 */
export const MAX_CONTEXT_BYTES = 2 * 1_024 * 1_024;

/**
 * zstd for many small blobs. Node's synchronous functions make a context for every call, which takes longer than the
 * work on a blob of 4 KiB: 50 us to compress against 23 with a context that is kept, 32 to decompress against 7. Node
 * offers no public way to keep one, so this goes through the handle of its streams, proves on the first use of a
 * thread that the handle does what it should, and otherwise, or after any failure, leaves the work to the public
 * functions. For a thread of its own; answers are new buffers.
 */
export class ZstdContext {
  #compressor = new KeptStream(() => new ZstdCompress({ params: ZSTD_PARAMS }));
  #decompressor = new KeptStream(() => new ZstdDecompress());
  /** Room for the worst case of the largest input. */
  readonly #scratch = Buffer.allocUnsafeSlow(compressionOptions(MAX_CONTEXT_BYTES).chunkSize!);
  #isProven: boolean | undefined;

  /** A frame with the length of its content. */
  compress(plaintext: Uint8Array): Buffer {
    const frameBytes = this.#isUsable(plaintext.length) ? this.#compressInto(plaintext) : undefined;
    if (frameBytes !== undefined) return Buffer.from(this.#scratch.subarray(0, frameBytes));
    return zstdCompressSync(plaintext, compressionOptions(plaintext.length));
  }

  /**
   * Content of at most `maxBytes`; throws the error of zlib for what is longer or no frame. A frame whose content is
   * `maxBytes` long is the fast case.
   */
  decompress(frame: Uint8Array, maxBytes: number): Buffer {
    if (this.#isUsable(maxBytes) && isWholeFrame(frame)) {
      const plaintext = Buffer.allocUnsafeSlow(maxBytes);
      if (this.#decompressor.write(constants.ZSTD_e_continue, frame, plaintext) === maxBytes)
        return plaintext;
      // Where in a frame it stands is not known any more.
      this.#decompressor.discard();
    }
    return zstdDecompressSync(frame, decompressionOptions(maxBytes, frame.length));
  }

  #compressInto(plaintext: Uint8Array): number | undefined {
    const frameBytes = this.#compressor.write(constants.ZSTD_e_end, plaintext, this.#scratch);
    if (frameBytes === undefined) this.#compressor.discard();
    return frameBytes;
  }

  #isUsable(sizeBytes: number): boolean {
    if (sizeBytes === 0 || sizeBytes > MAX_CONTEXT_BYTES) return false;
    this.#isProven ??= this.#prove();
    return this.#isProven;
  }

  /** Two frames in a row, there and back through the public functions. */
  #prove(): boolean {
    return ['first '.repeat(99), 'second '.repeat(999)].every((text) => {
      const plaintext = Buffer.from(text);
      const frameBytes = this.#compressInto(plaintext);
      if (frameBytes === undefined) return false;
      const frame = this.#scratch.subarray(0, frameBytes);
      if (!isWholeFrame(frame) || zstdDecompressSync(frame).compare(plaintext) !== 0) return false;
      const back = Buffer.alloc(plaintext.length);
      const backBytes = this.#decompressor.write(constants.ZSTD_e_continue, frame, back);
      return backBytes === plaintext.length && back.compare(plaintext) === 0;
    });
  }
}

/** What Node's zlib streams keep below their public face. */
interface Internals {
  readonly _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      inputStart: number,
      inputBytes: number,
      output: Uint8Array,
      outputStart: number,
      outputBytes: number,
    ): void;
  } | null;
  /** Bytes left after a write: of the output, of the input. */
  readonly _writeState: Uint32Array;
}

/** A stream that is never piped: its handle does whole frames, one after another. */
class KeptStream {
  readonly #open: () => ZstdCompress | ZstdDecompress;
  #stream: ((ZstdCompress | ZstdDecompress) & Internals) | undefined;

  constructor(open: () => ZstdCompress | ZstdDecompress) {
    this.#open = open;
  }

  /** Bytes written to `output`; undefined when it failed or when input was left. */
  write(flush: number, input: Uint8Array, output: Uint8Array): number | undefined {
    try {
      this.#stream ??= this.#opened();
      const { _handle: handle, _writeState: left } = this.#stream;
      if (handle === null) return undefined;
      handle.writeSync(flush, input, 0, input.length, output, 0, output.length);
      // A failure closes the handle and says why in an event.
      if (this.#stream._handle === null || left[1] !== 0) return undefined;
      return output.length - left[0]!;
    } catch {
      return undefined;
    }
  }

  discard(): void {
    this.#stream?.destroy();
    this.#stream = undefined;
  }

  #opened(): (ZstdCompress | ZstdDecompress) & Internals {
    const stream = this.#open();
    // Whoever asked gets the public function's error instead.
    stream.on('error', () => undefined);
    return stream as (ZstdCompress | ZstdDecompress) & Internals;
  }
}
