import { describe, expect, it } from '@jest/globals';
import { isStorageError } from '../../../src/storage-providers/storage-errors.js';
import { failure, freshPrefix, putText, read, type ContractStore } from './contract-store.js';

/** Names that proxies, file systems, signatures, XML and JSON each like to change. */
const ODD_NAMES = [
  'with space',
  ' leading and trailing ',
  'plus+plus',
  '%41 is not A',
  '100%',
  "!'()*~",
  '$&,/:;=@',
  'question?mark#hash',
  '<xml attr="x">&amp;</xml>',
  '"quoted"; filename*=x',
  '{}|^`[]',
  'é composed',
  'e\u0301 decomposed',
  '\u202ertl',
  '👩‍👩‍👧 family',
  'trailing dot.',
  'CON',
  'aux.txt',
  '.htaccess',
  '...',
  'Case',
  'case',
  '=cmd|calc',
  'deep/'.repeat(40) + 'file',
  'n'.repeat(255),
];

const REFUSED_KEYS = [
  '',
  '/absolute',
  'a//b',
  'folder/',
  'a/../b',
  '..',
  './a',
  'a/.',
  'back\\slash',
  'nul\0',
  'line\nfeed',
  'carriage\rreturn',
  'lone\ud800surrogate',
  'k'.repeat(1025),
  'é'.repeat(513),
];

export function describeKeys(open: () => ContractStore): void {
  describe('keys', () => {
    it('come back from get, head and list as they were put', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      await Promise.all(ODD_NAMES.map((name) => putText(storage, prefix + name, name)));
      for (const name of ODD_NAMES) {
        expect((await read(storage, prefix + name)).toString()).toBe(name);
        expect((await storage.head(prefix + name)).key).toBe(prefix + name);
      }
      const { objects } = await storage.listPage({ prefix });
      expect(new Set(objects.map(({ key }) => key))).toEqual(new Set(ODD_NAMES.map((name) => prefix + name)));
      await Promise.all(ODD_NAMES.map((name) => storage.delete(prefix + name)));
      expect((await storage.listPage({ prefix })).objects).toEqual([]);
    });

    it('may be the beginning of other keys', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      const names = ['a', 'a/b', 'a/b/c', 'd/e', 'd'];
      for (const name of names) await putText(storage, prefix + name, name);
      for (const name of names) expect((await read(storage, prefix + name)).toString()).toBe(name);
      await storage.delete(`${prefix}a/b`);
      const left = (await storage.listPage({ prefix })).objects.map(({ key }) => key.slice(prefix.length));
      expect(left).toEqual(['a', 'a/b/c', 'd', 'd/e']);
    });

    it('may be 1,024 bytes long, or are refused at the door', async () => {
      const { storage } = open();
      const prefix = freshPrefix();
      const segments = 'x'.repeat(200) + '/';
      const long = (prefix + segments.repeat(5)).slice(0, 1020) + 'last';
      await putText(storage, long, 'long');
      expect((await read(storage, long)).toString()).toBe('long');
      const oneSegment = prefix + 'y'.repeat(1024 - prefix.length);
      const stored = await putText(storage, oneSegment, 'one').then(
        () => true,
        (error: unknown) => isStorageError(error) && error.retryable,
      );
      const { objects } = await storage.listPage({ prefix });
      expect(objects.map(({ key }) => key)).toEqual(stored ? [long, oneSegment].sort() : [long]);
      if (stored) expect((await read(storage, oneSegment)).toString()).toBe('one');
    });

    for (const key of REFUSED_KEYS) {
      it(`refuse ${JSON.stringify(key).slice(0, 32)} without asking the provider`, async () => {
        const { storage } = open();
        const calls = [putText(storage, key, 'x'), storage.get(key), storage.head(key), storage.delete(key)];
        for (const error of await Promise.all(calls.map((call) => failure(call)))) {
          expect(error).toMatchObject({
            code: 'provider_error',
            providerCode: 'INVALID_OBJECT_KEY',
            retryable: false,
          });
        }
      });
    }
  });
}
