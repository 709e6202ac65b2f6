import { createCipheriv, createSecretKey, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { constants, zstdCompressSync } from 'node:zlib';
import sodium from 'sodium-native';
import { compressBlob, decompressBlob } from '../src/snapshot-engine/compression/blob-compression.ts';
import { BlobCipher } from '../src/snapshot-engine/crypto/blob-cipher.ts';
import { DEFAULT_SCRYPT_COST, deriveKey } from '../src/snapshot-engine/crypto/key-derivation.ts';
import { createMasterKey } from '../src/snapshot-engine/crypto/master-key.ts';
import { PackWriter } from '../src/snapshot-engine/pack/pack-writer.ts';
import { readBlob } from '../src/snapshot-engine/pack/read-blob.ts';
import { noise } from '../test/support/noise.ts';

/* What a byte costs on its way into a pack and back. See bench/README.md. */

const MIB = 1_024 * 1_024;
const GIB = 1_024 * MIB;
const ROUNDS = 7;
const ROUND_MS = 150;
const SIZES = [4_096, MIB];
const SAMPLE = new URL('../node_modules/typescript/lib/typescript.js', import.meta.url);

/** One step over one piece of data. */
interface Step {
  readonly name: string;
  readonly data: string;
  readonly sizeBytes: number;
  readonly run: () => unknown;
}

console.log(`# Primitives: ${cpus()[0]?.model}, Node ${process.version}`);
console.log(`Best of ${ROUNDS} rounds, CPU time of one thread\n`);
console.log('| step | data | piece | MB per CPU second | us a piece | CPU seconds a GiB |');
console.log('|--|--|--|--|--|--|');
for (const step of SIZES.flatMap(stepsFor)) console.log(row(step));
await printScrypt();

function stepsFor(sizeBytes: number): Step[] {
  const text = readFileSync(SAMPLE).subarray(5_000, 5_000 + sizeBytes);
  const random = noise(sizeBytes);
  const step = (name: string, data: string, run: () => unknown): Step => ({ name, data, sizeBytes, run });
  return [
    ...plainSteps(random, step),
    ...[1, 3, 6].map((level) => {
      const params = { [constants.ZSTD_c_compressionLevel]: level };
      return step(`zstd level ${level}, context of its own`, 'code', () =>
        zstdCompressSync(text, { params }),
      );
    }),
    ...engineSteps('code', text, step),
    ...engineSteps('random', random, step),
  ];
}

/** What the libraries do by themselves. */
function plainSteps(
  bytes: Buffer,
  step: (name: string, data: string, run: () => unknown) => Step,
): readonly Step[] {
  const key = createSecretKey(noise(32, 'key'));
  const iv = noise(16, 'iv');
  const oneTimeKey = noise(32, 'one-time key');
  const tag = Buffer.alloc(16);
  const target = Buffer.alloc(bytes.length);
  return [
    step('SHA-256', 'any', () => hash('sha256', bytes)),
    step('AES-256-CTR', 'any', () => createCipheriv('aes-256-ctr', key, iv).update(bytes)),
    step('Poly1305', 'any', () => sodium.crypto_onetimeauth(tag, bytes, oneTimeKey)),
    step('copy', 'any', () => target.set(bytes)),
  ];
}

/** What the engine makes of them. */
function engineSteps(
  data: string,
  bytes: Buffer,
  step: (name: string, data: string, run: () => unknown) => Step,
): readonly Step[] {
  const cipher = new BlobCipher(createMasterKey());
  const writer = new PackWriter(cipher);
  const id = hash('sha256', bytes);
  const sealed = cipher.seal(bytes);
  const frame = compressBlob(bytes);
  const packed = writer.add(id, 'data', bytes);
  const pack = writer.finish().bytes.slice(0, packed.lengthBytes);
  const decompress = () => frame && decompressBlob(frame, bytes.length, 'frame');
  const add = () => {
    writer.add(id, 'data', bytes);
    if (writer.isFull) writer.recycle(writer.finish().bytes.buffer);
  };
  return [
    step('compressBlob', data, () => compressBlob(bytes)),
    ...(frame === undefined ? [] : [step('decompressBlob', data, decompress)]),
    step('BlobCipher.seal', data, () => cipher.seal(bytes)),
    step('BlobCipher.open', data, () => cipher.open(sealed, 'blob')),
    step('PackWriter.add: compress, seal, verify, hash the pack', data, add),
    step('hash and PackWriter.add', data, () => [hash('sha256', bytes), add()]),
    step('readBlob: open, decompress, hash', data, () => readBlob(cipher, packed, pack)),
  ];
}

function row({ name, data, sizeBytes, run }: Step): string {
  const seconds = fastest(run);
  const cells = [
    name,
    data,
    sizeBytes < MIB ? `${sizeBytes / 1_024} KiB` : `${sizeBytes / MIB} MiB`,
    Math.round(sizeBytes / seconds / 1e6),
    (seconds * 1e6).toFixed(1),
    ((seconds * GIB) / sizeBytes).toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** CPU seconds of one run, in the best round; the first round warms up. */
function fastest(run: () => unknown): number {
  let best = Infinity;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage();
    const startedMs = performance.now();
    let runs = 0;
    for (; performance.now() - startedMs < ROUND_MS; runs += 1) run();
    const { user, system } = process.cpuUsage(before);
    if (round > 0) best = Math.min(best, (user + system) / 1e6 / runs);
  }
  return best;
}

async function printScrypt(): Promise<void> {
  const { n, r, p } = DEFAULT_SCRYPT_COST;
  const before = process.cpuUsage();
  await deriveKey('password', Buffer.alloc(64), DEFAULT_SCRYPT_COST, 'key');
  const { user, system } = process.cpuUsage(before);
  console.log(
    `\nOpening with a password (scrypt, N ${n}, r ${r}, p ${p}): ${Math.round((user + system) / 1e3)} ms of CPU`,
  );
}
