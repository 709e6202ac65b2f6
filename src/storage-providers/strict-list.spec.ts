import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ListOptions, ListPage, ObjectInfo, ObjectStorage } from './storage-provider.js';
import { compareUtf8, strictList, type StrictListOptions } from './strict-list.js';

const object = (key: string, extra: Partial<ObjectInfo> = {}): ObjectInfo => ({
  key,
  sizeBytes: 1,
  etag: 'e',
  lastModified: new Date(0),
  ...extra,
});

/** Answers the given pages in turn, then repeats the last one. */
class PagedStorage implements Pick<ObjectStorage, 'listPage'> {
  readonly asked: ListOptions[] = [];
  constructor(private readonly pages: readonly ListPage[]) {}
  listPage(options: ListOptions): Promise<ListPage> {
    const page = this.pages[Math.min(this.asked.length, this.pages.length - 1)];
    this.asked.push(options);
    return page ? Promise.resolve(page) : Promise.reject(new Error('no page'));
  }
}

async function keysOf(
  pages: readonly ListPage[],
  options: Partial<StrictListOptions> = {},
): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of strictList(new PagedStorage(pages), { prefix: 'p/', ...options }))
    keys.push(key);
  return keys;
}

const PROTOCOL_ERROR = { code: 'provider_error', providerCode: 'PROVIDER_PROTOCOL_ERROR', retryable: false };

describe('strictList', () => {
  it('yields every object of every page and hands the cursor on', async () => {
    const storage = new PagedStorage([
      { objects: [object('p/a'), object('p/b')], nextCursor: '1' },
      { objects: [], nextCursor: '2' },
      { objects: [object('p/c')] },
    ]);
    const keys: string[] = [];
    for await (const { key } of strictList(storage, { prefix: 'p/', pageSize: 2 })) keys.push(key);
    expect(keys).toEqual(['p/a', 'p/b', 'p/c']);
    expect(storage.asked.map(({ cursor }) => cursor)).toEqual([undefined, '1', '2']);
    expect(storage.asked.every(({ limit }) => limit === 2)).toBe(true);
  });

  it.each<[string, readonly ListPage[]]>([
    ['a key outside of the prefix', [{ objects: [object('q/a')] }]],
    ['a key that is a sibling of the prefix', [{ objects: [object('p')] }]],
    ['descending keys', [{ objects: [object('p/b'), object('p/a')] }]],
    ['a repeated key', [{ objects: [object('p/a'), object('p/a')] }]],
    [
      'a page that comes twice',
      [
        { objects: [object('p/a')], nextCursor: '1' },
        { objects: [object('p/a')], nextCursor: '2' },
      ],
    ],
    ['a cursor that repeats', [{ objects: [], nextCursor: 'same' }]],
    ['an empty cursor', [{ objects: [object('p/a')], nextCursor: '' }]],
    ['an endless cursor', [{ objects: [], nextCursor: 'x'.repeat(8_193) }]],
    ['a negative size', [{ objects: [object('p/a', { sizeBytes: -1 })] }]],
    ['a size that is no number', [{ objects: [object('p/a', { sizeBytes: NaN })] }]],
    ['a date that cannot be read', [{ objects: [object('p/a', { lastModified: new Date(NaN) })] }]],
  ])('refuses %s', async (_what, pages) => {
    await expect(keysOf(pages)).rejects.toMatchObject(PROTOCOL_ERROR);
  });

  it('notices cursors that go round', async () => {
    const circle = Array.from({ length: 60 }, (_, page) => ({ objects: [], nextCursor: String(page % 7) }));
    await expect(keysOf(circle, { pageLimit: 60 })).rejects.toThrow(/cursor repeats/);
  });

  it('gives up after the allowed number of pages', async () => {
    const pages = Array.from({ length: 10 }, (_, index) => ({ objects: [], nextCursor: String(index) }));
    await expect(keysOf(pages, { pageLimit: 5 })).rejects.toMatchObject(PROTOCOL_ERROR);
  });

  it("passes a page's failure on, after what came before", async () => {
    const storage: Pick<ObjectStorage, 'listPage'> = {
      listPage: ({ cursor }) =>
        cursor === undefined
          ? Promise.resolve({ objects: [object('p/a')], nextCursor: '1' })
          : Promise.reject(new Error('500 on page 2')),
    };
    const seen: string[] = [];
    const reading = async () => {
      for await (const { key } of strictList(storage, { prefix: 'p/' })) seen.push(key);
    };
    await expect(reading()).rejects.toThrow('500 on page 2');
    expect(seen).toEqual(['p/a']);
  });

  it('stops between pages when aborted', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(keysOf([{ objects: [object('p/a')] }], { signal: controller.signal })).rejects.toMatchObject(
      { code: 'aborted' },
    );
  });
});

describe('compareUtf8', () => {
  it('orders as the UTF-8 bytes do', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (left, right) => {
        const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
        expect(Math.sign(compareUtf8(left, right))).toBe(expected);
      }),
      { seed: 20261122, numRuns: 600 },
    );
  });

  it('puts what lies beyond U+FFFF last', () => {
    expect(compareUtf8('\uffff', '\u{10000}')).toBeLessThan(0);
    expect(compareUtf8('\ue000', '\u{1f600}')).toBeLessThan(0);
    expect(compareUtf8('z', '\u{1f600}')).toBeLessThan(0);
  });
});
