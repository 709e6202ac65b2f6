import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PackWriter } from '../../src/snapshot-engine/pack/pack-writer.js';
import { readPackHeader } from '../../src/snapshot-engine/pack/pack-header.js';
import { Repository } from '../../src/snapshot-engine/repository/repository.js';
import { localRepository, type LocalRepository } from '../support/local-repository.js';
import { noise } from '../support/noise.js';
import { restic, tryRestic } from '../support/restic.js';

const password = 'correct horse battery staple';
const now = () => Date.parse('2026-11-22T10:00:00Z');
/** Cheap, so that the spec is about repositories and not about scrypt. */
const scryptCost = { n: 2 ** 10, r: 8, p: 1 };

let place: LocalRepository;

beforeEach(async () => {
  place = await localRepository();
});

afterEach(() => place.remove());

describe('a repository that we make', () => {
  const create = () =>
    Repository.create(place.files, { password, now, scryptCost, hostname: 'h', username: 'u' });

  it('is one to stock restic', async () => {
    const repository = await create();
    const config = JSON.parse(await restic(place.path, password, 'cat', 'config'));
    expect(config).toMatchObject({ version: 2, id: repository.id });
    expect(BigInt(`0x${config.chunker_polynomial}`)).toBe(repository.chunkerPolynomial);
    const keys = JSON.parse(await restic(place.path, password, 'key', 'list', '--json'));
    expect(keys).toMatchObject([{ current: true, userName: 'u', hostName: 'h' }]);
    await restic(place.path, password, 'check', '--read-data');
  });

  it('opens with every key that either program adds, and with no other password', async () => {
    const repository = await create();
    await repository.addKey('second', { scryptCost });
    const file = join(place.path, '..', 'third');
    await writeFile(file, 'third\n');
    await restic(place.path, 'second', 'key', 'add', '--new-password-file', file);
    for (const each of [password, 'second', 'third']) {
      await restic(place.path, each, 'cat', 'config');
      expect((await Repository.open(place.files, { password: each, now })).id).toBe(repository.id);
    }
    expect(await repository.listKeys()).toHaveLength(3);
    await expect(Repository.open(place.files, { password: 'wrong', now })).rejects.toMatchObject({
      code: 'wrong_password',
    });
    expect((await tryRestic(place.path, 'wrong', ['cat', 'config'])).exitCode).not.toBe(0);
  });

  it('keeps blobs, packs, indexes and snapshots that restic reads to the last byte', async () => {
    const repository = await create();
    const contents = [Buffer.from('small'), Buffer.alloc(3_000_000, 'text '), noise(9_000_000)];
    const data = new PackWriter(repository.cipher);
    const content = contents.map((bytes) => data.add(hash('sha256', bytes), 'data', bytes).id);
    const time = '2026-11-22T10:00:00Z';
    const sizeBytes = contents.reduce((sum, bytes) => sum + bytes.length, 0);
    const node = {
      name: 'file',
      type: 'file',
      mode: 0o644,
      mtime: time,
      atime: time,
      ctime: time,
      uid: 0,
      gid: 0,
      size: sizeBytes,
      content,
    };
    const tree = Buffer.from(`${JSON.stringify({ nodes: [node] })}\n`);
    const trees = new PackWriter(repository.cipher);
    const treeId = trees.add(hash('sha256', tree), 'tree', tree).id;
    const index = await repository.loadIndex();
    for (const { id, bytes, blobs } of [data.finish(), trees.finish()]) {
      await repository.files.save('pack', id, bytes);
      index.add(id, blobs);
    }
    expect(await repository.saveIndex(index)).toHaveLength(1);
    expect(await repository.saveIndex(index)).toHaveLength(0);
    await repository.saveFile('snapshot', JSON.stringify({ time, tree: treeId, paths: ['/x'] }));

    await restic(place.path, password, 'check', '--read-data');
    const listed = JSON.parse(await restic(place.path, password, 'snapshots', '--json'));
    expect(listed).toMatchObject([{ tree: treeId, paths: ['/x'] }]);
    const target = await mkdtemp(join(tmpdir(), 'stowage-restored-'));
    await restic(place.path, password, 'restore', 'latest', '--target', target, '--verify');
    await rm(target, { recursive: true });
  });
});

describe('a repository that stock restic makes', () => {
  it('is read by us, every blob of it', async () => {
    await restic(place.path, password, 'init');
    const folder = await mkdtemp(join(tmpdir(), 'stowage-source-'));
    for (let at = 0; at < 300; at += 1) await writeFile(join(folder, `${at}`), `text ${at} `.repeat(at * 20));
    await writeFile(join(folder, 'noise'), noise(20_000_000));
    await restic(place.path, password, 'backup', folder);
    await writeFile(join(folder, 'more'), 'more');
    await restic(place.path, password, 'backup', folder, '--compression', 'off');
    await rm(folder, { recursive: true });

    const repository = await Repository.open(place.files, { password, now });
    expect(repository.chunkerKind).toBe('rabin');
    const index = await repository.loadIndex();
    const packs = [...index.packs()];
    expect(packs.length).toBeGreaterThan(3);
    let blobs = 0;
    for (const pack of packs) {
      const header = readPackHeader(repository.cipher, await place.files.load('pack', pack.id), pack.id);
      expect(header).toEqual({ blobs: pack.blobs(), findings: [] });
      for (const { type, id } of header.blobs) {
        expect(hash('sha256', await repository.loadBlob(type, id, index))).toBe(id);
        blobs += 1;
      }
    }
    expect(blobs).toBe(index.blobCount);
    const list = await restic(place.path, password, 'list', 'blobs');
    expect(list.trim().split('\n')).toHaveLength(blobs);
    for await (const { id } of place.files.list('snapshot')) {
      expect(JSON.parse((await repository.loadFile('snapshot', id)).toString())).toHaveProperty('tree');
    }
  });
});
