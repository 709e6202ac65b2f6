import { hash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
  STOP_MODES,
} from '../../../test/support/memory-repository-files.js';
import { noise } from '../../../test/support/noise.js';
import { BlobCipher } from '../crypto/blob-cipher.js';
import type { FinishedPack } from '../pack/pack-writer.js';
import { PackWriter } from '../pack/pack-writer.js';
import { parseKeyFile } from './key-file.js';
import { parseLockFile } from './lock-file.js';
import { parseRepositoryConfig } from './repository-config.js';
import { Repository } from './repository.js';

const password = 'secret';
const now = () => Date.parse('2026-11-22T10:00:00Z');
const scryptCost = { n: 2, r: 1, p: 1 };

describe('creating a repository', () => {
  it('makes one that opens, with a chunker of its own choice', async () => {
    for (const chunker of [undefined, 'gear', 'rabin'] as const) {
      const files = new MemoryRepositoryFiles(new MemoryRepositoryStore());
      const created = await Repository.create(files, { password, now, scryptCost, chunker });
      const opened = await Repository.open(files, { password, now });
      expect(opened.id).toBe(created.id);
      expect(opened.masterKey).toEqual(created.masterKey);
      expect(opened.chunkerPolynomial).toBe(created.chunkerPolynomial);
      expect(opened.chunkerKind).toBe(chunker ?? 'gear');
    }
  });

  it('never happens twice in one place, nor over data whose config is lost', async () => {
    const { store, files, repository } = await fixture();
    const again = () => Repository.create(files, { password: 'other', now, scryptCost });
    await expect(again()).rejects.toMatchObject({ code: 'repository_exists' });
    expect(await repository.listKeys()).toHaveLength(1);
    await repository.saveFile('snapshot', '{}');
    store.config = undefined;
    await expect(again()).rejects.toMatchObject({ code: 'repository_exists' });
  });

  it('can be done again after it has stopped at any call', async () => {
    const calls = new MemoryRepositoryFiles(new MemoryRepositoryStore());
    await Repository.create(calls, { password, now, scryptCost });
    for (const mode of STOP_MODES) {
      for (let call = 1; call <= calls.calls.length; call += 1) {
        const store = new MemoryRepositoryStore();
        const stopping = new MemoryRepositoryFiles(store, { stopAt: { call, mode } });
        await Repository.create(stopping, { password, now, scryptCost }).catch(() => undefined);
        stopping.settleStrays();
        const files = new MemoryRepositoryFiles(store);
        await Repository.create(files, { password, now, scryptCost }).catch((error: unknown) =>
          expect(error).toMatchObject({ code: 'repository_exists' }),
        );
        const repository = await Repository.open(files, { password, now });
        expect(await repository.listKeys()).toHaveLength(1);
      }
    }
  });

  it.each([
    ['the same password', password],
    ['another password', 'other'],
  ])('by two at once with %s leaves one repository, which its maker opens', async (_, second) => {
    for (let delays = 0; delays < 12; delays += 1) {
      const store = new MemoryRepositoryStore();
      const slow = new MemoryRepositoryFiles(store, {
        pace: async () => {
          for (let at = 0; at < delays; at += 1) await Promise.resolve();
        },
      });
      const quick = new MemoryRepositoryFiles(store);
      const results = await Promise.allSettled([
        Repository.create(slow, { password, now, scryptCost }),
        Repository.create(quick, { password: second, now, scryptCost }),
      ]);
      const made = results.findIndex(({ status }) => status === 'fulfilled');
      expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
      const maker = made === 0 ? password : second;
      await expect(Repository.open(quick, { password: maker, now })).resolves.toBeDefined();
    }
  });
});

describe('opening a repository', () => {
  it('says what is wrong', async () => {
    const empty = new MemoryRepositoryFiles(new MemoryRepositoryStore());
    await expect(Repository.open(empty, { password, now })).rejects.toMatchObject({
      code: 'repository_not_found',
    });
    const { store, files, repository } = await fixture();
    await expect(Repository.open(files, { password: 'wrong', now })).rejects.toMatchObject({
      code: 'wrong_password',
    });
    await replaceConfig(store, repository, { version: 1 });
    await expect(Repository.open(files, { password, now })).rejects.toMatchObject({
      code: 'unsupported_repository',
      message: expect.stringContaining('migrate'),
    });
    store.config = Buffer.alloc(100);
    await expect(Repository.open(files, { password, now })).rejects.toMatchObject({
      code: 'damaged_repository',
    });
    store.delete('key', repository.keyId);
    await expect(Repository.open(files, { password, now })).rejects.toMatchObject({
      code: 'damaged_repository',
      subject: 'keys',
    });
  });

  it.each([
    [{ version: 3 }, 'unsupported_repository'],
    [{ version: '2' }, 'unsupported_repository'],
    [{ stowage_chunker: 'new' }, 'unsupported_repository'],
    [{ id: 'short' }, 'damaged_repository'],
    [{ chunker_polynomial: '20000000000003' }, 'damaged_repository'],
    [{ chunker_polynomial: 7 }, 'damaged_repository'],
  ])('refuses a config with %j', async (fields, code) => {
    const { store, files, repository } = await fixture();
    await replaceConfig(store, repository, fields);
    await expect(Repository.open(files, { password, now })).rejects.toMatchObject({ code });
  });

  it('takes a config with fields that it does not know, and one without ours as a foreign one', async () => {
    const { store, files, repository } = await fixture();
    await replaceConfig(store, repository, { stowage_chunker: undefined, append_only: true });
    expect((await Repository.open(files, { password, now })).chunkerKind).toBe('rabin');
  });

  it('passes over keys that it cannot read, and tries no more than twenty', async () => {
    const { store, files, repository } = await fixture();
    const key = JSON.parse(store.get('key', repository.keyId)!.toString());
    const put = (fields: object) => {
      const json = Buffer.from(JSON.stringify({ ...key, ...fields }));
      store.put('key', hash('sha256', json), json, new Date(0));
    };
    put({ N: 2 ** 30 });
    put({ kdf: 'argon2' });
    put({ salt: 'AAAA' });
    store.put('key', '0'.repeat(64), Buffer.from('torn'), new Date(0));
    expect((await Repository.open(files, { password, now })).keyId).toBe(repository.keyId);
    expect(await repository.listKeys()).toHaveLength(2);
    for (let at = 0; at < 400; at += 1) put({ created: `${at}` });
    store.delete('key', repository.keyId);
    const before = files.calls.length;
    await expect(Repository.open(files, { password: 'wrong', now })).rejects.toThrow();
    expect(files.calls.length - before).toBeLessThanOrEqual(22);
  });
});

describe('keys', () => {
  it('are added, listed and removed, but never the one in use', async () => {
    const { files, repository } = await fixture();
    const added = await repository.addKey('more', { hostname: 'h', username: 'u', scryptCost });
    const other = await Repository.open(files, { password: 'more', now });
    expect(other.keyId).toBe(added);
    expect((await other.listKeys()).map(({ id, isCurrent }) => [id, isCurrent])).toContainEqual([
      added,
      true,
    ]);
    await expect(repository.removeKey(repository.keyId)).rejects.toMatchObject({ code: 'key_in_use' });
    await expect(repository.removeKey('0'.repeat(64))).rejects.toMatchObject({ code: 'key_not_found' });
    await other.removeKey(repository.keyId);
    await expect(Repository.open(files, { password, now })).rejects.toMatchObject({ code: 'wrong_password' });
    // The first one's key is gone: it must not remove what is left.
    await expect(repository.removeKey(added)).rejects.toMatchObject({ code: 'key_not_found' });
    expect((await Repository.open(files, { password: 'more', now })).id).toBe(repository.id);
  });
});

describe('files', () => {
  it('come back as they were saved, and not when a byte is another', async () => {
    const { store, repository } = await fixture();
    const text = JSON.stringify({ text: 'x'.repeat(1_000) });
    const id = await repository.saveFile('snapshot', text);
    expect((await repository.loadFile('snapshot', id)).toString()).toBe(text);
    const altered = Buffer.from(store.get('snapshot', id)!);
    altered[40]! ^= 1;
    store.put('snapshot', id, altered, new Date(0));
    await expect(repository.loadFile('snapshot', id)).rejects.toMatchObject({
      code: 'damaged_repository',
      subject: `snapshot ${id}`,
    });
    store.put('snapshot', hash('sha256', altered), altered, new Date(0));
    await expect(repository.loadFile('snapshot', hash('sha256', altered))).rejects.toThrow('tag');
  });

  it('of strangers are read or refused, whatever they say', () => {
    const subject = 'it';
    const text = fc.oneof(fc.json(), fc.string(), fc.string({ unit: 'binary' }));
    const key = fc.record(
      { kdf: fc.constant('scrypt'), N: fc.double(), r: fc.double(), p: fc.double(), salt: text, data: text },
      { requiredKeys: [] },
    );
    const json = fc.oneof(
      text,
      key.map((fields) => JSON.stringify(fields)),
    );
    fc.assert(
      fc.property(json, (each) => {
        const bytes = Buffer.from(each);
        for (const parse of [parseKeyFile, parseLockFile, parseRepositoryConfig]) {
          try {
            parse(bytes, subject);
          } catch (error) {
            expect(error).toMatchObject({ name: 'RepositoryError' });
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the index and its blobs', () => {
  it('is saved once, loaded by others, and refreshed', async () => {
    const { files, repository } = await fixture();
    const index = await repository.loadIndex();
    const first = await store(repository, noise(5_000, 1));
    index.add(first.id, first.blobs);
    const [fileId] = await repository.saveIndex(index);
    expect(await repository.saveIndex(index)).toEqual([]);
    const other = await repository.loadIndex();
    expect([...other.files]).toEqual([fileId]);
    const second = await store(repository, noise(5_000, 2));
    index.add(second.id, second.blobs);
    const [more] = await repository.saveIndex(index);
    expect(await repository.refreshIndex(other)).toEqual({ added: [more], vanished: [] });
    expect(other.find('data', second.blobs[0]!.id)).toEqual({ ...second.blobs[0], packId: second.id });
    await files.remove('index', fileId!);
    expect(await repository.refreshIndex(other)).toEqual({ added: [], vanished: [fileId] });
  });

  it('is an error when one of its files cannot be read', async () => {
    const { store: stored, repository } = await fixture();
    const index = await repository.loadIndex();
    const pack = await store(repository, noise(100));
    index.add(pack.id, pack.blobs);
    await repository.saveIndex(index);
    stored.put('index', 'a'.repeat(64), Buffer.alloc(50), new Date(0));
    await expect(repository.loadIndex()).rejects.toMatchObject({ code: 'damaged_repository' });
  });

  it('goes on where it stopped when a file could not be saved', async () => {
    const { store: stored, repository } = await fixture();
    const index = await repository.loadIndex();
    const blob = { type: 'data' as const, offset: 0, lengthBytes: 40, uncompressedBytes: 0 };
    for (let at = 0; at < 3; at += 1) {
      const blobs = Array.from({ length: 30_000 }, (_, each) => ({
        ...blob,
        id: hash('sha256', `${at} ${each}`),
      }));
      index.add(hash('sha256', `pack ${at}`), blobs);
    }
    const stopped = new MemoryRepositoryFiles(stored, { stopAt: { call: 5, mode: 'before' } });
    const stopping = await Repository.open(stopped, { password, now });
    await expect(stopping.saveIndex(index)).rejects.toThrow();
    expect(index.unsavedPacks()).toHaveLength(2);
    expect(await repository.saveIndex(index)).toHaveLength(2);
    const loaded = await repository.loadIndex();
    expect(loaded.blobCount).toBe(90_000);
    expect(loaded.files).toEqual(index.files);
  });

  it('finds another copy of a blob when one is damaged or its pack is missing', async () => {
    const { store: stored, repository } = await fixture();
    const content = noise(3_000);
    const packs = [
      await store(repository, content),
      await store(repository, content),
      await store(repository, content),
    ];
    const index = await repository.loadIndex();
    for (const { id, blobs } of packs) index.add(id, blobs);
    const { id } = packs[0]!.blobs[0]!;
    const altered = Buffer.from(stored.get('pack', packs[0]!.id)!);
    altered[100]! ^= 1;
    stored.put('pack', packs[0]!.id, altered, new Date(0));
    stored.delete('pack', packs[1]!.id);
    expect((await repository.loadBlob('data', id, index)).equals(content)).toBe(true);
    stored.delete('pack', packs[2]!.id);
    await expect(repository.loadBlob('data', id, index)).rejects.toMatchObject({
      code: 'damaged_repository',
    });
    await expect(repository.loadBlob('tree', id, index)).rejects.toThrow('no index lists it');
  });

  it('fetches trees that lie together with few requests', async () => {
    const { store: stored, files, repository } = await fixture();
    const index = await repository.loadIndex();
    const writer = new PackWriter(repository.cipher);
    const trees = Array.from({ length: 1_000 }, (_, at) => noise(at === 500 ? 300_000 : 1_000, at));
    const ids = trees.map((tree) => writer.add(hash('sha256', tree), 'tree', tree).id);
    const { id, bytes, blobs } = writer.finish();
    await repository.files.save('pack', id, bytes);
    index.add(id, blobs);
    const read = async (from: Repository) => {
      const walked = await Promise.all(ids.map((each) => from.loadBlob('tree', each, index)));
      return walked.every((tree, at) => tree.equals(trees[at]!));
    };
    const before = files.calls.length;
    expect(await read(repository)).toBe(true);
    expect(files.calls.length - before).toBeLessThan(15);
    // A pack that is cut off gives what is left of it.
    stored.put('pack', id, Buffer.from(bytes.subarray(0, 300_000)), new Date(0));
    const other = await Repository.open(files, { password, now });
    expect(await other.loadBlob('tree', ids[280]!, index)).toEqual(trees[280]);
    await expect(other.loadBlob('tree', ids[900]!, index)).rejects.toThrow();
  });

  it('keeps the trees that were read last', async () => {
    const { files, repository } = await fixture();
    const index = await repository.loadIndex();
    const trees = Array.from({ length: 20 }, (_, at) => noise(1_000_000, at));
    const ids: string[] = [];
    for (const tree of trees) {
      const { id, blobs } = await store(repository, tree, 'tree');
      index.add(id, blobs);
      ids.push(blobs[0]!.id);
    }
    const before = files.calls.length;
    for (const id of [...ids, ...ids.slice(10)]) await repository.loadBlob('tree', id, index);
    expect(files.calls.length - before).toBe(20);
    await repository.loadBlob('tree', ids[0]!, index);
    expect(files.calls.length - before).toBe(21);
  });
});

async function fixture() {
  const store = new MemoryRepositoryStore();
  const files = new MemoryRepositoryFiles(store);
  const repository = await Repository.create(files, { password, now, scryptCost });
  return { store, files, repository };
}

async function replaceConfig(
  store: MemoryRepositoryStore,
  { cipher }: Repository,
  fields: object,
): Promise<void> {
  const config = JSON.parse(cipher.open(store.config!, 'config').toString());
  store.config = cipher.seal(Buffer.from(JSON.stringify({ ...config, ...fields })));
}

async function store(
  repository: Repository,
  content: Buffer,
  type: 'data' | 'tree' = 'data',
): Promise<FinishedPack> {
  const writer = new PackWriter(new BlobCipher(repository.masterKey));
  writer.add(hash('sha256', content), type, content);
  const pack = writer.finish();
  await repository.files.save('pack', pack.id, pack.bytes);
  return pack;
}
