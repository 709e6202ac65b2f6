import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { keysInBucket } from './keys-in-bucket.js';
import { noise } from './noise.js';
import { type S3Double, startS3Double } from './s3-double/s3-double.js';
import { s3Settings } from './s3-settings.js';
import { type ApiFile, FilesClient } from '../e2e/files-client.js';
import { type Replica, Replicas } from '../e2e/files-replicas.js';

const MIB = 1024 * 1024;
const UPLOADERS = 4;

/** From one small call over one streamed call to many calls with a pending row. */
const SIZES = [0, 1_000, 10_240, 300_000, 3 * MIB];
const FORM_SIZES = [5_000, 9 * MIB];

interface Attempt {
  readonly name: string;
  readonly checksum: string;
}

/** Kills two servers, started together, with -9 in each round while they take uploads. */
export function describeKillsDuringUploads(rounds: {
  readonly local_disk: number;
  readonly s3_compatible: number;
}): void {
  describe.each(Object.entries(rounds))('kill -9 during uploads to %s, %i rounds', killsDuringUploads);
}

function killsDuringUploads(provider: string, rounds: number): void {
  let double: S3Double;
  let replicas: Replicas;
  let first: Replica | undefined;
  let survivor: FilesClient<Replica>;
  const attempted = new Map<string, string>();
  const acknowledged = new Map<number, string>();
  let turns = 0;

  beforeAll(async () => {
    double = await startS3Double();
    replicas = await Replicas.make();
    first = await replicas.start();
    await new FilesClient(first, replicas.adminKey).configure(
      provider === 'local_disk' ? { provider, bucket_name: 'files' } : s3Settings(double),
    );
  });

  afterAll(async () => {
    await replicas.stop();
    await double.stop();
  });

  it('loses no acknowledged file and shows none that is not whole', async () => {
    for (let round = 1; round <= rounds; round++) {
      const servers = await Promise.all([first ?? replicas.start(), replicas.start()]);
      first = undefined;
      await Promise.all(servers.map((server, at) => killAfter(server, 2 + ((round * 5 + at * 3) % 11))));
    }
    survivor = new FilesClient(await replicas.start(), replicas.adminKey);
    const listed = await listAll();
    expect(acknowledged.size).toBeGreaterThan(rounds * 4);
    expect(acknowledged.size).toBeLessThan(attempted.size);

    const byId = new Map(listed.map((file) => [file.id, file]));
    for (const [id, checksum] of acknowledged) expect(byId.get(id)?.checksum).toBe(checksum);
    for (const file of listed) {
      expect(attempted.get(file.filename)).toBe(file.checksum);
      expect(await checksumOfContent(file)).toBe(file.checksum);
    }

    const report = JSON.stringify(await survivor.leftovers());
    const known = (name: string) => report.includes(name);
    const keys = new Set(listed.map(({ cloud_url }) => /f\/[^/]+\/[^/]+$/.exec(cloud_url)![0]));
    expect((await keysOfFiles()).filter((key) => !keys.delete(key) && !known(key))).toEqual([]);
    expect([...keys]).toEqual([]);
    expect((await uploadsInBucket()).filter((uploadId) => !known(uploadId))).toEqual([]);
  }, 600_000);

  /** Uploads without a pause and kills the server right after it has acknowledged so many requests. */
  async function killAfter(server: Replica, acknowledgements: number): Promise<void> {
    const client = new FilesClient(server, replicas.adminKey);
    let left = acknowledgements;
    let killed: Promise<void> | undefined;
    const upload = async () => {
      try {
        while (killed === undefined) {
          for (const [id, checksum] of await uploadOne(client)) acknowledged.set(id, checksum);
          if (--left === 0) killed = server.kill();
        }
      } catch (error) {
        // Whether an upload of a killed server was stored is open; any other failure is one.
        if (killed === undefined) throw error;
      }
    };
    await Promise.all(Array.from({ length: UPLOADERS }, upload));
    await killed;
  }

  async function uploadOne(client: FilesClient<Replica>): Promise<[id: number, checksum: string][]> {
    const turn = ++turns;
    if (turn % 5 === 0) return uploadForm(client, turn);
    const content = noise(SIZES[turn % SIZES.length]!, `${provider} ${turn}`);
    const { name, checksum } = attempt(`body ${turn}`, content);
    const { id } = await client.upload(name, content);
    return [[id, checksum]];
  }

  async function uploadForm(
    client: FilesClient<Replica>,
    turn: number,
  ): Promise<[id: number, checksum: string][]> {
    const form = new FormData();
    const checksums: string[] = [];
    for (const [at, size] of FORM_SIZES.entries()) {
      const content = noise(size, `${provider} ${turn} ${at}`);
      const { name, checksum } = attempt(`form ${turn} ${at}`, content);
      form.append('files', new File([new Uint8Array(content)], name));
      checksums.push(checksum);
    }
    const response = await client.fetch('/api/v1/files', { method: 'POST', body: form });
    if (response.status !== 201) throw new Error(`The upload was answered ${response.status}.`);
    const { data } = (await response.json()) as { data: ApiFile[] };
    return data.map(({ id }, at) => [id, checksums[at]!]);
  }

  function attempt(name: string, content: Buffer): Attempt {
    const checksum = createHash('sha256').update(content).digest('hex');
    attempted.set(name, checksum);
    return { name, checksum };
  }

  async function listAll(): Promise<ApiFile[]> {
    const files: ApiFile[] = [];
    let path: string | undefined = '/api/v1/files?limit=1000';
    while (path !== undefined) {
      const response: Response = await survivor.fetch(path);
      files.push(...((await response.json()) as { data: ApiFile[] }).data);
      path = /<([^>]+)>/.exec(response.headers.get('link') ?? '')?.[1];
    }
    return files;
  }

  async function checksumOfContent({ id }: ApiFile): Promise<string> {
    const response = await survivor.fetch(`/api/v1/files/${id}/content`);
    return createHash('sha256')
      .update(new Uint8Array(await response.arrayBuffer()))
      .digest('hex');
  }

  /** Keys of all files' objects that the bucket holds, seen without the server. */
  async function keysOfFiles(): Promise<string[]> {
    if (provider === 'local_disk') {
      const files = await readdir(join(localBucket(), 'stowage'), { recursive: true, withFileTypes: true });
      const paths = files
        .filter((file) => file.isFile())
        .map(({ parentPath, name }) => join(parentPath, name));
      const keys = paths.map((path) => relative(join(localBucket(), 'stowage'), path));
      return keys.filter((key) => key.startsWith('f/'));
    }
    return keysInBucket(double).map((key) => key.slice('stowage/'.length));
  }

  /** Ids of all multipart uploads that the bucket still holds, seen without the server. */
  async function uploadsInBucket(): Promise<readonly string[]> {
    if (provider === 'local_disk') {
      const folder = join(localBucket(), '.stowage', 'uploads');
      // A folder without its note is no upload but what a cut removal left of one.
      return (await readdir(folder)).filter((uploadId) => existsSync(join(folder, uploadId, 'upload.json')));
    }
    return double.store.uploads(double.bucket).map(({ uploadId }) => uploadId);
  }

  function localBucket(): string {
    return join(replicas.dataDir, 'buckets', '1', 'files');
  }
}
