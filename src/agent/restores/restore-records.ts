import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RestoreReport } from '../../agent-protocol/messages.js';

/** `begun`: its target is ours. Otherwise how it ended, which the server may not have heard of. */
export type RestoreRecord = { readonly state: 'begun' } | RestoreReport;

const NAME = /^([0-9a-f-]{36})\.json$/;

/**
 * What must outlive this process of restores: that a target was begun, and how a restore ended. Without it a restore
 * that was complete when the agent was killed would be taken for one into somebody else's files.
 */
export class RestoreRecords {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'restores');
  }

  load(restoreId: string): RestoreRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#path(restoreId), 'utf8')) as RestoreRecord;
    } catch {
      return undefined;
    }
  }

  save(restoreId: string, record: RestoreRecord): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#path(restoreId);
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
  }

  /** Forgets all but these. */
  keep(restoreIds: ReadonlySet<string>): void {
    for (const name of this.#names()) {
      const id = NAME.exec(name)?.[1];
      if (id === undefined || !restoreIds.has(id)) rmSync(join(this.#folder, name), { force: true });
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      return [];
    }
  }

  #path(restoreId: string): string {
    return join(this.#folder, `${restoreId}.json`);
  }
}
