import type { TextPlace } from '../credentials/sealing/sealed-texts.service.js';
import type { RepositoryRow } from './repository.entity.js';

/** Where a repository's password is sealed, and opens. */
export function passwordPlace({ id, userId }: Pick<RepositoryRow, 'id' | 'userId'>): TextPlace {
  return { purpose: 'repo', userId, rowId: id, field: 'sealed_password', version: 1 };
}
