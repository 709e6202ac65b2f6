import { describe, expect, it } from '@jest/globals';
import type { Statements } from '../database/statements.js';
import { FileReads } from './file-reads.js';
import { Searches } from './searches.js';

/** A database that answers when it is told to. */
class SlowStatements {
  private readonly waiting: (() => void)[] = [];

  get running(): number {
    return this.waiting.length;
  }

  query(): Promise<unknown[]> {
    const empty = { row_count: 0, texts: null, file_count: '0', total_bytes: '0' };
    return new Promise((resolve) => this.waiting.push(() => resolve([empty])));
  }

  answerAll(): void {
    for (const answer of this.waiting.splice(0)) answer();
  }
}

const page = { sort: 'id', order: 'asc', limit: 10 } as const;

describe('searches of one user', () => {
  it('leave connections to everybody else, and come to their turn', async () => {
    const statements = new SlowStatements();
    const reads = new FileReads(statements as unknown as Statements, new Searches());
    const search = () => reads.page({ userId: 1, ...page, filenameContains: 'ab' });
    const searches = Array.from({ length: 10 }, search);
    const counts = Array.from({ length: 10 }, () => reads.summary(1, {}));
    expect(statements.running).toBe(4);
    // A page that an index answers is no search, and nobody waits for those of another.
    const others = [
      reads.page({ userId: 1, ...page }),
      reads.page({ userId: 2, ...page, filenameContains: 'ab' }),
    ];
    expect(statements.running).toBe(6);
    const refused = Array.from({ length: 100 }, () => search().catch((error: unknown) => error));
    await expect(refused.at(-1)).resolves.toMatchObject({ code: 'too_many_searches', retryable: true });
    const all = Promise.all([...searches, ...counts, ...others]);
    let isDone = false;
    void all.then(() => (isDone = true));
    while (!isDone) {
      statements.answerAll();
      await new Promise(setImmediate);
    }
  });
});
