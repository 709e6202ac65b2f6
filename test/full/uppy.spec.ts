import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { S3_CORS } from '../../src/storage-providers/cors-advice.js';
import { arrivedParts, send, signParts } from '../e2e/direct-upload-client.js';
import { type ApiFile, FilesClient } from '../e2e/files-client.js';
import { keysInBucket } from '../support/keys-in-bucket.js';
import { noise } from '../support/noise.js';
import { readCorsRules } from '../support/s3-double/cors.js';
import { type S3Double, startS3Double } from '../support/s3-double/s3-double.js';
import { fingerprint } from '../support/same-bytes.js';
import { rcloneFor } from '../support/second-readers.js';
import { SeededRandom } from '../support/seeded-random.js';
import { BreakingLines } from '../support/uppy/breaking-lines.js';
import { type Browser, startBrowser, type UploadPage, type UploadTask } from '../support/uppy/browser.js';
import { contentPath, type PageServer, startPageServer } from '../support/uppy/page-server.js';

const MIB = 1024 * 1024;
const UPLOADS = 500;
const MOST_CUTS = 20;
const PEOPLE = 3;
/** Uppy's smallest, and that of S3. */
const PART = 5 * MIB;

/** Somebody with a browser, whose lines may break. */
interface Person {
  readonly browser: Browser;
  readonly page: UploadPage;
  readonly lines: BreakingLines;
}

interface Check {
  readonly id: string;
  readonly status: string;
}

/**
 * Uppy's S3 client in Debian's Chromium, with the callbacks that docs/direct-uploads.md shows. The browser asks Stowage and
 * sends to the bucket across origins; the bucket admits it by the very rules that Stowage advises.
 */
describe('Uppy in a browser', () => {
  const random = new SeededRandom('uppy');
  let pages: PageServer;
  let double: S3Double;
  let client: FilesClient;
  let admin: FilesClient;
  let folder: string;
  let checks: readonly Check[];
  const people: Person[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-uppy-'));
    pages = await startPageServer();
    double = await startS3Double({ corsRules: readCorsRules(S3_CORS.rules([pages.origin])), folder });
    admin = await FilesClient.start({
      env: { CORS_ORIGINS: pages.origin, ALLOWED_PRIVATE_ENDPOINTS: '127.0.0.1' },
    });
    client = await admin.otherUser();
    await client.configure({
      provider: 's3_compatible',
      endpoint: double.endpoint,
      bucket_name: double.bucket,
      region: double.region,
      access_key_id: double.credentials.accessKeyId,
      secret_access_key: double.credentials.secretAccessKey,
      path_style: 'true',
    });
    // What the bucket has proven goes into the URLs: a PUT of this one creates only.
    const tested = await client.json<{ checks: Check[] }>('POST', '/api/v1/settings/cloud-storage/test');
    checks = tested.checks;
    while (people.length < PEOPLE) people.push(await newPerson());
  });

  afterAll(async () => {
    for (const { browser, lines } of people) {
      await browser.stop();
      await lines.stop();
    }
    await admin?.server.stop();
    await double?.stop();
    await pages?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function newPerson(): Promise<Person> {
    const lines = await BreakingLines.to(Number(new URL(client.server.url).port), double.port, random);
    // The signed URLs name the bucket's own address; only this browser comes to it by its own line.
    const browser = await startBrowser({ from: double.port, to: lines.bucket.port });
    return { browser, lines, page: await browser.open(pages.origin) };
  }

  function taskOf({ lines }: Person, name: string, sizeBytes: number): UploadTask {
    return {
      name,
      from: contentPath(sizeBytes, name),
      server: `http://127.0.0.1:${lines.stowage.port}`,
      key: client.key,
      partBytes: PART,
      retryDelays: Array.from({ length: 3 * MOST_CUTS }, () => 20),
    };
  }

  /** Somebody whose lines do not break any more. */
  function onGoodLines(): Person {
    const [person] = people as [Person];
    person.lines.breakAtMost(0, 0);
    return person;
  }

  /** Mostly small, some of many parts. */
  function randomSize(): number {
    const kind = random.below(100);
    if (kind < 72) return random.below(200_000);
    return kind < 92 ? random.below(2 * MIB) : PART + random.below(6 * MIB);
  }

  async function contentOf(id: number): Promise<string> {
    const response = await client.fetch(`/api/v1/files/${id}/content`);
    return fingerprint(new Uint8Array(await response.arrayBuffer()));
  }

  async function inDatabase<Row>(statement: string): Promise<Row[]> {
    const database = new pg.Client({ connectionString: client.server.databaseUrl });
    await database.connect();
    try {
      return (await database.query(statement)).rows as Row[];
    } finally {
      await database.end();
    }
  }

  const openUploads = () => double.store.uploads(double.bucket).length;
  const states = async () =>
    Object.fromEntries(
      (
        await inDatabase<{ state: string; uploads: number }>(
          'SELECT state, count(*)::int AS uploads FROM uploads GROUP BY state',
        )
      ).map(({ state, uploads }) => [state, uploads]),
    );

  async function idOfUpload(name: string): Promise<string> {
    for (;;) {
      const { data } = await client.json<{ data: { id: string; filename: string }[] }>(
        'GET',
        '/api/v1/uploads?state=open',
      );
      const found = data.find(({ filename }) => filename === name);
      if (found !== undefined) return found.id;
      await sleep(20);
    }
  }

  /** Waits until so many parts of it lie in the bucket. @returns its id */
  async function idOncePartsArrived(name: string, count: number): Promise<string> {
    const id = await idOfUpload(name);
    while ((await arrivedParts(client, id)).length < count) await sleep(20);
    return id;
  }

  it('is held to the rules of Stowage and of the bucket', async () => {
    expect(checks.find(({ id }) => id === 'cors')).toMatchObject({ status: 'passed' });
    const [{ page, browser, lines }] = people as [Person];
    const url = `http://127.0.0.1:${lines.stowage.port}/api/v1/files`;
    expect(await page.mayAsk(url, client.key)).toBe(true);
    const stranger = await browser.open(pages.otherOrigin);
    expect(await stranger.mayAsk(url, client.key)).toBe(false);
    await stranger.close();
  });

  it('brings each file whole over lines that break', async () => {
    let begun = 0;
    const stored = new Map<string, string>();
    const work = async (person: Person): Promise<void> => {
      while (begun < UPLOADS) {
        begun += 1;
        const name = `u${begun}`;
        const sizeBytes = randomSize();
        person.lines.breakAtMost(random.below(MOST_CUTS + 1), sizeBytes);
        const { fileId, error } = await person.page.send(taskOf(person, name, sizeBytes));
        expect([name, error]).toEqual([name, undefined]);
        stored.set(name, fingerprint(noise(sizeBytes, name)));
        expect(await contentOf(fileId!)).toBe(stored.get(name));
      }
    };
    await Promise.all(people.map(work));
    const cuts = people.reduce((sum, { lines }) => sum + lines.cuts, 0);
    expect(cuts).toBeGreaterThan(2 * UPLOADS);
    // Some had arrived, only their answers were lost.
    const sentAgain = double.log
      .of('PutObject')
      .filter(({ errorCode }) => errorCode === 'PreconditionFailed');
    expect(sentAgain.length).toBeGreaterThan(UPLOADS / 10);
    // Each went on where it was: none was begun anew, none became two files, and nothing else lies in the bucket.
    expect(await states()).toEqual({ completed: UPLOADS });
    expect([keysInBucket(double).length, openUploads()]).toEqual([UPLOADS, 0]);
    expect(await hashesByRclone()).toEqual(hashesByName(stored));
  }, 900_000);

  /** Name and SHA-256 of each file, as somebody else reads the bucket. */
  async function hashesByRclone(): Promise<ReadonlyMap<string, string>> {
    const { endpoint, region, bucket, credentials } = double;
    const rclone = rcloneFor({ endpoint, region, bucket, ...credentials });
    const lines = (await rclone('hashsum', 'sha256', '--download', `store:${bucket}/stowage/f`))
      .trim()
      .split('\n');
    const byKey = new Map(lines.map((line) => line.split('  ').reverse() as [string, string]));
    const rows = await inDatabase<{ filename: string; object_key: string }>(
      'SELECT filename, object_key FROM cloud_files',
    );
    expect(rows.length).toBe(byKey.size);
    return new Map(
      rows.map(({ filename, object_key }) => [
        filename,
        byKey.get(object_key.slice('f/'.length)) ?? 'not there',
      ]),
    );
  }

  function hashesByName(stored: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    return new Map([...stored].map(([name, print]) => [name, print.split(' ').at(-1)!]));
  }

  it('goes on with the parts that are missing when its page was closed', async () => {
    const person = onGoodLines();
    const { browser, lines } = person;
    const sizeBytes = 6 * PART + 1_234;
    const hanging = double.faults.hang({ operation: 'UploadPart', nth: 3, times: 100 });
    const closed = await browser.open(pages.origin);
    await closed.begin(taskOf(person, 'reloaded', sizeBytes));
    const id = await idOncePartsArrived('reloaded', 2);
    await closed.close();
    lines.bucket.reset();
    const arrived = (await arrivedParts(client, id)).map(({ part_number }) => part_number);
    expect(arrived.length).toBe(2);
    double.log.clear();
    hanging.remove();

    const reopened = await browser.open(pages.origin);
    const { fileId } = await reopened.send(taskOf(person, 'reloaded', sizeBytes));
    await reopened.close();
    expect(await contentOf(fileId!)).toBe(fingerprint(noise(sizeBytes, 'reloaded')));
    expect(await client.json('GET', `/api/v1/uploads/${id}`)).toMatchObject({ file_id: fileId });
    const sent = double.log.of('UploadPart').map(({ target }) => Number(/partNumber=(\d+)/.exec(target)![1]));
    expect(sent.filter((part) => arrived.includes(part))).toEqual([]);
    expect([...new Set([...arrived, ...sent])].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('asks for a new URL when one has expired', async () => {
    const person = onGoodLines();
    double.log.clear();
    double.clockOffsetMs = 2 * 3_600_000;
    const operation = 'PutObject';
    double.faults.before({ operation, nth: 2 }, () => {
      double.clockOffsetMs = 0;
    });
    const { fileId, error } = await person.page.send(taskOf(person, 'expired', 1_000));
    expect(error).toBeUndefined();
    expect(await contentOf(fileId!)).toBe(fingerprint(noise(1_000, 'expired')));
    expect(double.log.of(operation)[0]).toMatchObject({ errorCode: 'AccessDenied' });
  });

  it('leaves nothing when its user takes the file away', async () => {
    const person = onGoodLines();
    const before = keysInBucket(double).length;
    const hanging = double.faults.hang({ operation: 'UploadPart', nth: 3, times: 100 });
    await person.page.begin(taskOf(person, 'no', 3 * PART));
    const id = await idOncePartsArrived('no', 2);
    await person.page.cancel();
    while ((await client.json<{ state: string }>('GET', `/api/v1/uploads/${id}`)).state !== 'aborted')
      await sleep(20);
    hanging.remove();
    person.lines.bucket.reset();
    expect([keysInBucket(double).length, openUploads()]).toEqual([before, 0]);
  });

  it('is told of a part that is another one in the bucket, and brings it once more', async () => {
    const person = onGoodLines();
    const { page, lines } = person;
    const sizeBytes = 2 * PART + 5;
    const before = keysInBucket(double).length;
    const hanging = double.faults.hang({ operation: 'UploadPart', nth: 3, times: 100 });
    await page.begin(taskOf(person, 'changed', sizeBytes));
    const id = await idOncePartsArrived('changed', 2);
    const [arrived] = await arrivedParts(client, id);
    hanging.remove();
    const [url] = await signParts(client, id, [arrived!.part_number]);
    expect((await send(url!, noise(url!.size, 'something else'))).ok).toBe(true);
    lines.bucket.reset();
    const { error } = await page.ended();
    expect(error).toContain(`not what was announced: ${arrived!.part_number}.`);
    expect(keysInBucket(double).length).toBe(before);

    const { fileId } = await page.retry();
    expect(await contentOf(fileId!)).toBe(fingerprint(noise(sizeBytes, 'changed')));
    const named = (await client.list('?limit=100')).filter((file: ApiFile) => file.filename === 'changed');
    expect(named.map((file) => file.id)).toEqual([fileId]);
    expect([keysInBucket(double).length, openUploads()]).toEqual([before + 1, 0]);
  });
});
