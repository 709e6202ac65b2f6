import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  MemoryRepositoryFiles,
  MemoryRepositoryStore,
} from '../../../test/support/memory-repository-files.js';
import { Repository } from './repository.js';

describe('a grant', () => {
  const options = { password: 'secret', now: () => 1_000, scryptCost: { n: 1_024, r: 8, p: 1 } };
  let files: MemoryRepositoryFiles;
  let repository: Repository;

  beforeEach(async () => {
    files = new MemoryRepositoryFiles(new MemoryRepositoryStore());
    repository = await Repository.create(files, { ...options, chunker: 'gear' });
  });

  it('opens the same repository without a password and without asking the storage', async () => {
    const id = await repository.saveFile('lock', 'written with the password');
    const granted = Repository.fromGrant(files, repository.grant(), options);
    expect(granted).toMatchObject({
      id: repository.id,
      chunkerKind: 'gear',
      chunkerPolynomial: repository.chunkerPolynomial,
      keyId: '',
    });
    expect((await granted.loadFile('lock', id)).toString()).toBe('written with the password');
  });

  it('survives JSON', () => {
    const wire = JSON.parse(JSON.stringify(repository.grant())) as ReturnType<Repository['grant']>;
    expect(Repository.fromGrant(files, wire, options).masterKey).toEqual(repository.masterKey);
  });

  it.each(['', '{}', '{"mac":{"k":"AAAA","r":"AAAA"},"encrypt":"AAAA"}'])(
    'refuses the master key %s',
    (masterKey) => {
      const grant = { ...repository.grant(), masterKey };
      expect(() => Repository.fromGrant(files, grant, options)).toThrow(
        expect.objectContaining({ code: 'damaged_repository' }),
      );
    },
  );
});
