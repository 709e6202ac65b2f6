import { describe, expect, it } from '@jest/globals';
import { strictList } from '../../../src/storage-providers/strict-list.js';
import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';
import { freshPrefix, putText, type ContractStore } from './contract-store.js';

/** U+1F600 comes after U+FFFD in UTF-8 bytes, but before it in UTF-16 units; upper case comes before lower case. */
const NAMES = ['Z', 'a', 'a b', 'a+b', 'a-b', 'a.b', 'a/1', 'a/2/x', 'a0', 'ab', 'é', '\ufffd', '\u{1f600}'];

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

async function keysOf(storage: ObjectStorage, prefix: string, pageSize?: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of strictList(storage, { prefix, pageSize })) keys.push(key);
  return keys;
}

export function describeList(open: () => ContractStore): void {
  describe('list', () => {
    it('answers one empty page where there is nothing', async () => {
      const { storage } = open();
      expect(await storage.listPage({ prefix: freshPrefix() })).toEqual({ objects: [] });
    });

    it('answers all keys below a prefix in byte order, whatever the size of a page', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      await Promise.all(NAMES.map((name) => putText(storage, prefix + name, name)));
      const expected = NAMES.map((name) => prefix + name).sort(byBytes);
      for (const pageSize of [undefined, 1, 4, NAMES.length]) {
        expect(await keysOf(storage, prefix, pageSize)).toEqual(expected);
      }
      expect(await keysOf(storage, `${prefix}a`)).toEqual(
        expected.filter((key) => key.startsWith(`${prefix}a`)),
      );
      expect(await keysOf(storage, `${prefix}a/`)).toEqual([`${prefix}a/1`, `${prefix}a/2/x`]);
      expect(await keysOf(storage, `${prefix}b`)).toEqual([]);
    });

    it('goes on from a cursor if and only if there is more', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      for (const name of ['1', '2', '3', '4']) await putText(storage, prefix + name, name);
      const first = await storage.listPage({ prefix, limit: 2 });
      expect(first.objects.map(({ key }) => key)).toEqual([`${prefix}1`, `${prefix}2`]);
      expect(first.nextCursor).toBeDefined();
      // An object that comes or goes does not shift what follows.
      await putText(storage, `${prefix}0`, 'new');
      await storage.delete(`${prefix}1`);
      const second = await storage.listPage({ prefix, limit: 2, cursor: first.nextCursor });
      expect(second.objects.map(({ key }) => key)).toEqual([`${prefix}3`, `${prefix}4`]);
      if (second.nextCursor !== undefined) {
        const third = await storage.listPage({ prefix, limit: 2, cursor: second.nextCursor });
        expect(third).toEqual({ objects: [] });
      }
    });

    it('tells size, tag and time of each object as head does', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      await putText(storage, `${prefix}file`, 'hello');
      const [listed] = (await storage.listPage({ prefix })).objects;
      const { contentType: _type, lastModified, ...head } = await storage.head(`${prefix}file`);
      expect(listed).toMatchObject(head);
      expect(Math.abs(listed!.lastModified.getTime() - lastModified.getTime())).toBeLessThan(1000);
    });

    it('shows what was just written and hides what was just deleted', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      for (let round = 0; round < 5; round += 1) {
        await putText(storage, `${prefix}${round}`, 'x');
        expect(await keysOf(storage, prefix)).toEqual([`${prefix}${round}`]);
        await storage.delete(`${prefix}${round}`);
        expect(await keysOf(storage, prefix)).toEqual([]);
      }
    });
  });
}
