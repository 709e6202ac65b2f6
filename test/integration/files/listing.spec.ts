import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FileReads, type ListRequest } from '../../../src/files/file-reads.js';
import { Searches } from '../../../src/files/searches.js';
import type { FileDto } from '../../../src/files/files.dto.js';
import { FILE_SORTS } from '../../../src/files/file-listing.js';
import { Statements } from '../../../src/database/statements.js';
import { useUtcTimestamps } from '../../../src/database/timestamps.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

const NAMES = [
  'b',
  'B',
  'a',
  'ä',
  'z',
  'Zebra',
  '%',
  '_',
  'a%',
  'a_b',
  'ab',
  '😀',
  '\uffee',
  'same',
  'same',
  "o'hara",
  'unit\u001fseparator',
  'é',
];

describe('listings of files', () => {
  let database: TestDatabase;
  let statements: Statements;
  let reads: FileReads;
  const all: ListRequest = { userId: 1, sort: 'id', order: 'asc', limit: 1000 };

  beforeAll(async () => {
    useUtcTimestamps();
    database = await createTestDatabase();
    statements = new Statements({ url: database.url, poolSize: 2, onConnectionLoss: () => undefined });
    await run(`INSERT INTO users (id, name) VALUES (1, 'one'), (2, 'two')`);
    await run(
      `INSERT INTO cloud_configs (id, user_id, provider, encrypted_config, bucket_name) VALUES (1, 1, 'aws_s3', '', 'b')`,
    );
    for (const [at, name] of NAMES.entries()) await insert(at, name);
    await run(`UPDATE cloud_files SET state = 'pending' WHERE filename = 'z'`);
    await run(`UPDATE cloud_files SET state = 'deleting' WHERE filename = '_'`);
    await run(`UPDATE cloud_files SET user_id = 2 WHERE filename = 'é'`);
    await run(`UPDATE cloud_files SET folder = 'x/', tags = '{one,two}' WHERE filename = 'a'`);
    await run(
      `UPDATE cloud_files SET folder = 'x/y/', tags = '{two}', protected = true WHERE filename = 'ab'`,
    );
    await run(`UPDATE cloud_files SET folder = 'x0/', missing_since = now() WHERE filename = '%'`);
    await run(`UPDATE cloud_files SET content_type = 'image/png', checksum = 'c' WHERE filename = 'Zebra'`);
  });

  afterAll(async () => {
    await statements.close();
    await database.drop();
  });

  const run = (text: string, values: unknown[] = []) =>
    statements.query({ name: `test ${text.slice(0, 50)}`, text }, values);

  const insert = (at: number, name: string) =>
    run(
      `INSERT INTO cloud_files (user_id, cloud_config_id, provider, object_key, filename, file_size, cloud_url, uploaded_at)
       VALUES (1, 1, $1, $2, $3, $4, 's3://b/x', $5)`,
      [
        at % 2 ? 'aws_s3' : 'local_disk',
        `f/${at}`,
        name,
        (at * 7) % 5,
        `2026-11-0${1 + (at % 3)}T00:00:00.00${at % 2}Z`,
      ],
    );

  const list = async (request: Partial<ListRequest>) => {
    const page = await reads.page({ ...all, ...request });
    return page;
  };

  const namesOf = async (request: Partial<ListRequest>) =>
    (await list(request)).files.map(({ filename }) => filename);

  beforeAll(() => {
    reads = new FileReads(statements, new Searches());
  });

  it('show the user’s own stored files only', async () => {
    const names = await namesOf({});
    expect(names).toHaveLength(NAMES.length - 3);
    expect(names).toContain('unit\u001fseparator');
    for (const hidden of ['z', '_', 'é']) expect(names).not.toContain(hidden);
    expect(await namesOf({ userId: 2 })).toEqual(['é']);
    expect(await list({ userId: 3 })).toEqual({ files: [], nextCursor: undefined });
  });

  it.each(FILE_SORTS.flatMap((sort) => [1, 2, 3, 5, 14, 15].map((limit) => [sort, limit] as const)))(
    'sorted by %s come complete in pages of %i',
    async (sort, limit) => {
      for (const order of ['asc', 'desc'] as const) {
        const whole = (await list({ sort, order })).files;
        const paged: FileDto[] = [];
        let cursor: string | undefined;
        do {
          const page = await list({ sort, order, limit, cursor });
          expect(page.files.length).toBeLessThanOrEqual(limit);
          expect(page.files.length).toBeGreaterThan(0);
          paged.push(...page.files);
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        expect(paged).toEqual(whole);
        expect(whole.map((file) => file[sort])).toEqual(
          whole.map((file) => file[sort]).sort((a, b) => compare(a, b) * (order === 'asc' ? 1 : -1)),
        );
      }
    },
  );

  it.each<[Partial<ListRequest>, string[]]>([
    [{ filenamePrefix: 'a' }, ['a', 'a%', 'a_b', 'ab']],
    [{ filenamePrefix: 'a%' }, ['a%']],
    [{ filenamePrefix: 'Z' }, ['Zebra']],
    [{ filenamePrefix: '😀' }, ['😀']],
    [{ filenameContains: 'B' }, ['b', 'B', 'Zebra', 'a_b', 'ab']],
    [{ filenameContains: '%' }, ['%', 'a%']],
    [{ filenameContains: "o'h" }, ["o'hara"]],
    [{ filenamePrefix: 'a', filenameContains: 'b' }, ['a_b', 'ab']],
    [{ filenamePrefix: 'nothing' }, []],
    [{ provider: 'nothing' }, []],
    [{ filenameContains: '_' }, ['a_b']],
    [{ filenameContains: '\\' }, []],
    [{ folder: 'x/' }, ['a']],
    [{ folder: 'x/', recursive: true }, ['a', 'ab']],
    [{ folder: '', filenamePrefix: 'a' }, ['a%', 'a_b']],
    [{ folder: '', recursive: true, filenamePrefix: 'a' }, ['a', 'a%', 'a_b', 'ab']],
    [{ tags: ['two'] }, ['a', 'ab']],
    [{ tags: ['one', 'two'] }, ['a']],
    [{ protected: true }, ['ab']],
    [{ missing: true }, ['%']],
    [{ missing: false, filenameContains: '%' }, ['a%']],
    [{ checksum: 'c' }, ['Zebra']],
    [{ contentType: 'image/*' }, ['Zebra']],
    [{ contentType: 'image/png' }, ['Zebra']],
    [{ contentType: 'image/p' }, []],
    [{ minSizeBytes: 1, maxSizeBytes: 1, filenamePrefix: 'Z' }, []],
  ])('are filtered by %j', async (filter, names) => {
    expect(await namesOf(filter)).toEqual(names);
  });

  it('are counted by the same filters', async () => {
    const { files } = await list({ recursive: true, folder: 'x/' });
    expect(await reads.summary(1, { recursive: true, folder: 'x/' })).toEqual({
      fileCount: 2,
      totalBytes: files.reduce((sum, { file_size }) => sum + file_size, 0),
    });
    expect(await reads.summary(3, {})).toEqual({ fileCount: 0, totalBytes: 0 });
  });

  it('are filtered by provider and time', async () => {
    const { files } = await list({});
    const time = '2026-11-02T00:00:00.000Z';
    const ofProvider = await list({ provider: 'aws_s3' });
    expect(ofProvider.files).toEqual(files.filter(({ provider }) => provider === 'aws_s3'));
    const after = await list({ uploadedAfter: time });
    expect(after.files).toEqual(
      files.filter(({ uploaded_at }) => Date.parse(uploaded_at) > Date.parse(time)),
    );
    const before = await list({ uploadedBefore: time });
    expect(before.files).toEqual(
      files.filter(({ uploaded_at }) => Date.parse(uploaded_at) < Date.parse(time)),
    );
    expect(files.every(({ uploaded_at }) => /^2026-11-0\dT00:00:00\.00[01]Z$/.test(uploaded_at))).toBe(true);
  });

  it('take only cursors of their own sort order', async () => {
    const { nextCursor } = await list({ limit: 1 });
    await expect(list({ sort: 'filename', cursor: nextCursor })).rejects.toMatchObject({
      code: 'validation_failed',
    });
    await expect(list({ cursor: 'bm9uc2Vuc2U' })).rejects.toMatchObject({ code: 'validation_failed' });
  });
});

function compare(left: string | number, right: string | number): number {
  if (typeof left === 'number') return left - (right as number);
  return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
}
