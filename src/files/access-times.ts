import type { Statements } from '../database/statements.js';

const SAVE = {
  name: 'files_save_access_times',
  text: `UPDATE cloud_files SET last_accessed = access.at
    FROM unnest($1::integer[], $2::timestamp[]) AS access (id, at) WHERE cloud_files.id = access.id`,
};

/** How long accesses are gathered before they are written together. */
const GATHER_MS = 20;

/** More than these in one write are left out: they are only a note. */
const MAX_GATHERED = 10_000;

/**
 * Notes when files were last read, `last_accessed`, behind the back of the reading requests: many in one statement,
 * a moment later. A crash may lose the last of them.
 */
export class AccessTimes {
  private gathered = new Map<number, string>();
  private writing: Promise<void> | undefined;

  /** @param onFailure hears of notes that were lost */
  constructor(
    private readonly statements: Statements,
    private readonly now: () => number,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  note(fileId: number): void {
    if (this.gathered.size < MAX_GATHERED) this.gathered.set(fileId, new Date(this.now()).toISOString());
    this.writing ??= this.writeSoon();
  }

  /** Resolves when everything noted so far is written, or given up. */
  async settled(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
  }

  private async writeSoon(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    const batch = this.gathered;
    this.gathered = new Map();
    try {
      await this.statements.query(SAVE, [[...batch.keys()], [...batch.values()]]);
    } catch (error) {
      this.onFailure(error);
    }
    this.writing = this.gathered.size > 0 ? this.writeSoon() : undefined;
  }
}
