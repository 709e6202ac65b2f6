import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * A double's memory of what changed, one JSON record a line. Each record is handed to the kernel before the
 * call is answered, so a killed double comes back with everything that it acknowledged.
 */
export class Journal<Entry> {
  readonly #file: number;
  readonly #path: string;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#path = path;
    this.#file = openSync(path, 'a');
  }

  append(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  /** Everything appended so far; a last line that was cut by a kill is left out. */
  replay(): Entry[] {
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);
  }

  close(): void {
    closeSync(this.#file);
  }
}
