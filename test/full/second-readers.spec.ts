import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { s3Compatible } from '../../src/storage-providers/providers/s3-compatible.js';
import type { ObjectStorage, UploadedPart } from '../../src/storage-providers/storage-provider.js';
import { contextFor } from '../contract/connect-context.js';
import { MIB, read, someBytes, streamOf } from '../contract/verbs/contract-store.js';
import { startRadosgw } from '../support/radosgw.js';
import { startS3Double } from '../support/s3-double/s3-double.js';
import { expectSameBytes, fingerprint } from '../support/same-bytes.js';
import { rcloneFor, s3cmdFor, type Program, type S3Account } from '../support/second-readers.js';

/*
 * Programs that we did not write read what we stored, and we read what they stored: in Ceph's gateway, and in our
 * double, which is so judged by two more clients with signers of their own.
 */

type Server = S3Account & { stop(): Promise<void> };

async function radosgw(): Promise<Server> {
  const server = await startRadosgw();
  const { endpoint, region, bucket, users } = server;
  return { endpoint, region, bucket, ...users.full, stop: () => server.stop() };
}

async function double(): Promise<Server> {
  const server = await startS3Double({ region: 'us-east-1' });
  const { endpoint, region, bucket, credentials } = server;
  return { endpoint, region, bucket, ...credentials, stop: () => server.stop() };
}

const IN_PARTS = 'in parts';
const OBJECTS: ReadonlyMap<string, Buffer> = new Map([
  ['empty', Buffer.alloc(0)],
  ['one byte', someBytes(1)],
  ['deep/er/file.bin', someBytes(100_000, 2)],
  ['odd +%41 é 😀.txt', someBytes(1000, 4)],
  ['five MiB', someBytes(5 * MIB, 5)],
  [IN_PARTS, someBytes(11 * MIB, 6)],
]);

for (const [name, start] of Object.entries({ radosgw, 'the S3 double': double })) {
  describe(`second readers of ${name}`, () => {
    let server: Server;
    let storage: ObjectStorage;
    let folder: string;
    let rclone: Program;
    let s3cmd: Program;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'stowage-readers-'));
      server = await start();
      rclone = rcloneFor(server);
      s3cmd = await s3cmdFor(server, folder);
      storage = open(server);
      for (const [key, bytes] of OBJECTS) {
        await store(storage, `kept/${key}`, bytes);
        await mkdir(dirname(join(folder, 'expected', key)), { recursive: true });
        await writeFile(join(folder, 'expected', key), bytes);
      }
    });
    afterAll(async () => {
      await storage?.close();
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it('rclone lists what we stored, and finds every byte of it', async () => {
      const remote = `store:${server.bucket}/kept`;
      const listed = JSON.parse(await rclone('lsjson', '-R', '--files-only', remote)) as Array<{
        Path: string;
        Size: number;
      }>;
      expect(new Map(listed.map(({ Path, Size }) => [Path, Size]))).toEqual(
        new Map([...OBJECTS].map(([key, bytes]) => [key, bytes.length])),
      );
      await rclone('check', '--download', join(folder, 'expected'), remote);
      await rclone('copy', remote, join(folder, 'by-rclone'));
      await expectSameFiles(join(folder, 'by-rclone'));
    });

    it('s3cmd lists what we stored, and reads back the same bytes', async () => {
      const remote = `s3://${server.bucket}/kept/`;
      const listed = (await s3cmd('ls', '--recursive', remote)).trim().split('\n');
      expect(listed.map((line) => line.slice(line.indexOf(remote) + remote.length)).sort()).toEqual(
        [...OBJECTS.keys()].sort(),
      );
      await mkdir(join(folder, 'by-s3cmd'));
      await s3cmd('get', '--recursive', remote, join(folder, 'by-s3cmd/'));
      await expectSameFiles(join(folder, 'by-s3cmd'));
    });

    it('we read what rclone and s3cmd stored, in one piece and in parts', async () => {
      const options = ['--s3-upload-cutoff', '6M', '--s3-chunk-size', '5M'];
      await rclone('copy', ...options, join(folder, 'expected'), `store:${server.bucket}/from-rclone`);
      const large = join(folder, 'expected', IN_PARTS);
      await s3cmd('put', '--multipart-chunk-size-mb=5', large, `s3://${server.bucket}/from-s3cmd`);
      for (const [key, bytes] of OBJECTS) {
        expectSameBytes(await read(storage, `from-rclone/${key}`), bytes);
      }
      expectSameBytes(await read(storage, 'from-s3cmd'), OBJECTS.get(IN_PARTS)!);
    });

    async function expectSameFiles(copies: string): Promise<void> {
      for (const [key, bytes] of OBJECTS) {
        expect(`${key}: ${fingerprint(await readFile(join(copies, key)))}`).toBe(
          `${key}: ${fingerprint(bytes)}`,
        );
      }
    }
  });
}

function open({ bucket, endpoint, region, accessKeyId, secretAccessKey }: S3Account): ObjectStorage {
  return s3Compatible.connect(
    { bucket_name: bucket, endpoint, region, access_key_id: accessKeyId, secret_access_key: secretAccessKey },
    contextFor(endpoint),
  );
}

async function store(storage: ObjectStorage, key: string, bytes: Buffer): Promise<void> {
  if (key !== `kept/${IN_PARTS}`) {
    await storage.put(key, streamOf(bytes), { sizeBytes: bytes.length });
    return;
  }
  const uploads = storage.multipart!;
  const { uploadId } = await uploads.create(key, {});
  const parts: UploadedPart[] = [];
  for (let at = 0; at < bytes.length; at += uploads.minPartBytes) {
    const piece = bytes.subarray(at, at + uploads.minPartBytes);
    parts.push(await uploads.uploadPart(key, uploadId, parts.length + 1, piece, { sizeBytes: piece.length }));
  }
  await uploads.complete(key, uploadId, parts, {});
}
