import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ScriptedStorage } from '../../../test/support/scripted-storage.js';
import { StorageError } from '../../storage-providers/storage-errors.js';
import type {
  ObjectStorage,
  PutOptions,
  StorageCapabilities,
} from '../../storage-providers/storage-provider.js';
import { ObjectRepositoryFiles } from './object-repository-files.js';

const bytes = Buffer.from('sealed');
const id = hash('sha256', bytes);
const packKey = `some/place/data/${id.slice(0, 2)}/${id}`;
const unreachable = new StorageError('endpoint_unreachable', 'Lost.', {
  operation: 'put',
  hint: '',
  retryable: true,
});

describe('saving a file', () => {
  it('puts it under restic’s name, create-only, bound to its digest', async () => {
    const { files, storage, puts } = fixture({ contentBound: 'sha256' });
    await files.save('pack', id, bytes);
    expect(storage.calls).toEqual([`put ${packKey}`]);
    expect(puts[0]).toMatchObject({ sizeBytes: 6, createOnly: true, sha256: Buffer.from(id, 'hex') });
    for (const [kind, folder] of [
      ['key', 'keys'],
      ['snapshot', 'snapshots'],
      ['index', 'index'],
      ['lock', 'locks'],
      ['doomed', 'stowage/doomed'],
    ] as const) {
      await files.save(kind, id, bytes);
      expect(storage.calls.at(-1)).toBe(`put some/place/${folder}/${id}`);
    }
  });

  it('binds the MD5 where the storage cannot bind the SHA-256', async () => {
    const { files, puts } = fixture({ contentBound: 'md5' });
    await files.save('pack', id, bytes);
    expect(puts[0]?.md5).toEqual(hash('md5', bytes, 'buffer'));
  });

  it('is no conflict when the same bytes are there', async () => {
    const { files, storage } = fixture();
    await files.save('index', id, bytes);
    await files.save('index', id, bytes);
    expect(storage.calls.map((call) => call.split(' ')[0])).toEqual(['put', 'put', 'head']);
  });

  it('replaces what is torn under the same name', async () => {
    const { files, storage } = fixture();
    storage.store(packKey, 'sea');
    await files.save('pack', id, bytes);
    expect(await files.load('pack', id)).toEqual(bytes);
  });

  it('succeeds when only the answer was lost, and fails when more was', async () => {
    const { files, storage } = fixture();
    storage.loseAnswerOf('put', unreachable);
    await files.save('pack', id, bytes);
    const other = hash('sha256', 'other');
    storage.failNext('put', unreachable);
    await expect(files.save('pack', other, Buffer.from('other'))).rejects.toBe(unreachable);
  });

  it('takes no name that is not an id', async () => {
    const { files, storage } = fixture();
    for (const wrong of ['', '../config', 'A'.repeat(64), `${id}0`, id.slice(1)])
      for (const call of [
        () => files.save('pack', wrong, bytes),
        () => files.load('key', wrong),
        () => files.remove('index', wrong),
      ])
        await expect(call()).rejects.toBeInstanceOf(TypeError);
    expect(storage.calls).toEqual([]);
  });
});

describe('loading and listing files', () => {
  it('gives all of a file or exactly a part of it', async () => {
    const { files, storage } = fixture({}, { honourRanges: true });
    storage.store(packKey, 'sealed');
    expect((await files.load('pack', id)).toString()).toBe('sealed');
    expect((await files.load('pack', id, { range: { offset: 2, lengthBytes: 3 } })).toString()).toBe('ale');
    expect(await files.load('pack', id, { range: { offset: 2, lengthBytes: 0 } })).toHaveLength(0);
    await expect(files.load('pack', id, { range: { offset: 4, lengthBytes: 3 } })).rejects.toMatchObject({
      code: 'damaged_repository',
    });
    await expect(files.load('index', id)).rejects.toMatchObject({ code: 'object_not_found' });
  });

  it('does not read what is too large', async () => {
    const { files, storage } = fixture();
    storage.store(`some/place/keys/${id}`, 'x'.repeat(100_000));
    await expect(files.load('key', id)).rejects.toMatchObject({ code: 'damaged_repository' });
    const range = { offset: 0, lengthBytes: 2 ** 40 };
    await expect(files.load('pack', id, { range })).rejects.toMatchObject({ code: 'damaged_repository' });
  });

  it('lists the ids of a kind in order and passes over foreign files', async () => {
    const { files, storage } = fixture();
    const ids = ['a', 'b', 'c'].map((text) => hash('sha256', text)).sort();
    for (const each of ids.toReversed()) storage.store(`some/place/data/${each.slice(0, 2)}/${each}`, 'x');
    storage.store(`some/place/data/00/${ids[1]}`, 'x');
    storage.store('some/place/data/README', 'x');
    storage.store(`some/place/data/${ids[0]!.slice(0, 2)}/${ids[0]}.tmp`, 'x');
    storage.store(`some/place/data/${ids[0]}`, 'x');
    storage.store(`some/placement/data/${ids[0]!.slice(0, 2)}/${ids[0]}`, 'x');
    const listed: string[] = [];
    for await (const info of files.list('pack')) listed.push(info.id);
    expect(listed).toEqual(ids);
  });
});

describe('the config', () => {
  it('is made once', async () => {
    const { files } = fixture();
    expect(await files.loadConfig()).toBeUndefined();
    await files.createConfig(bytes);
    expect(await files.loadConfig()).toEqual(bytes);
    await expect(files.createConfig(Buffer.from('other'))).rejects.toMatchObject({
      code: 'repository_exists',
    });
    expect(await files.loadConfig()).toEqual(bytes);
  });

  it('is made once where the storage cannot create only, but for those two seconds', async () => {
    const { files } = fixture({ createOnly: false });
    await files.createConfig(bytes);
    await expect(files.createConfig(Buffer.from('other'))).rejects.toMatchObject({
      code: 'repository_exists',
    });
    expect(await files.loadConfig()).toEqual(bytes);

    const race = fixture({ createOnly: false });
    const loser = race.files.createConfig(Buffer.from('first'));
    const winner = race.files.createConfig(Buffer.from('second'));
    const results = await Promise.allSettled([loser, winner]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('is ours when only the answer was lost or a repeated request met it', async () => {
    const { files, storage } = fixture();
    storage.loseAnswerOf('put', unreachable);
    await files.createConfig(bytes);
    await files.createConfig(bytes);
    const lost = fixture();
    lost.storage.failNext('put', unreachable);
    await expect(lost.files.createConfig(bytes)).rejects.toBe(unreachable);
  });
});

interface FixtureOptions {
  readonly honourRanges?: boolean;
}

/** Files below `some/place` of a scripted storage with other capabilities. */
function fixture(
  capabilities: Partial<StorageCapabilities> = {},
  { honourRanges = false }: FixtureOptions = {},
) {
  const storage = new ScriptedStorage();
  const puts: PutOptions[] = [];
  const changed = new Proxy<ObjectStorage>(storage, {
    get(target, name: keyof ObjectStorage) {
      if (name === 'capabilities') return { ...target.capabilities, ...capabilities };
      if (name === 'put')
        return (...[key, body, options]: Parameters<ObjectStorage['put']>) => {
          puts.push(options);
          return target.put(key, body, options);
        };
      if (name === 'get' && honourRanges)
        return async (key: string, options: Parameters<ObjectStorage['get']>[1]) => {
          const content = await target.get(key);
          if (options?.range === undefined) return content;
          const { start, end } = options.range;
          const all = Buffer.concat(await content.body.toArray());
          const part = all.subarray(start, end + 1);
          return { ...content, body: Readable.from([part]), sizeBytes: part.length };
        };
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return {
    storage,
    puts,
    files: new ObjectRepositoryFiles(changed, { prefix: 'some/place', creationRaceMs: 30 }),
  };
}
