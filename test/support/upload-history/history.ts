/** What a writer tried to store under one name, in this order, and what it knows of each try. */
interface Register {
  readonly checksums: string[];
  /** Index of the newest that was acknowledged. */
  acknowledged: number;
  fileId: number | undefined;
}

/** A file as the servers show it in the end. */
export interface FinalFile {
  readonly id: number;
  readonly filename: string;
  readonly checksum: string | null;
  /** SHA-256 of what a download gave. */
  readonly contentChecksum: string;
}

export interface Verdict {
  /** Names whose acknowledged content is not there any more. */
  readonly lost: readonly string[];
  /** Names that show a content that nobody tried to store under them. */
  readonly altered: readonly string[];
  /** Names that are there more than once although every try asked for one file. */
  readonly doubled: readonly string[];
}

/**
 * A history of writes in Jepsen's manner: each name is a register that one writer writes. A try is acknowledged or of
 * unknown outcome. In the end a register must hold its newest acknowledged content or that of a later try.
 */
export class History {
  private readonly registers = new Map<string, Register>();
  private acks = 0;

  get acknowledged(): number {
    return this.acks;
  }

  get attempted(): number {
    let attempts = 0;
    for (const { checksums } of this.registers.values()) attempts += checksums.length;
    return attempts;
  }

  /** @returns to be called when, and only when, the write is acknowledged */
  invoke(name: string, checksum: string): (fileId: number) => void {
    const register = this.registers.get(name) ?? { checksums: [], acknowledged: -1, fileId: undefined };
    this.registers.set(name, register);
    const turn = register.checksums.push(checksum) - 1;
    return (fileId) => {
      this.acks += 1;
      register.acknowledged = Math.max(register.acknowledged, turn);
      register.fileId = fileId;
    };
  }

  /** The file that a name was acknowledged to be. */
  fileIdOf(name: string): number | undefined {
    return this.registers.get(name)?.fileId;
  }

  check(files: readonly FinalFile[]): Verdict {
    const shown = Map.groupBy(files, ({ filename }) => filename);
    const lost: string[] = [];
    for (const [name, { checksums, acknowledged, fileId }] of this.registers) {
      if (acknowledged < 0) continue;
      const allowed = new Set(checksums.slice(acknowledged));
      const file = shown.get(name)?.find(({ id }) => id === fileId);
      if (file === undefined || !allowed.has(file.contentChecksum)) lost.push(name);
    }
    const altered = files
      .filter(({ filename, checksum, contentChecksum }) => {
        const tried = this.registers.get(filename)?.checksums ?? [];
        return !tried.includes(contentChecksum) || (checksum !== null && checksum !== contentChecksum);
      })
      .map(({ filename }) => filename);
    // A try of unknown outcome may have made a file of its own; two for one try never.
    const doubled = [...shown]
      .filter(([name, same]) => same.length > (this.registers.get(name)?.checksums.length ?? 0))
      .map(([name]) => name);
    return { lost, altered, doubled };
  }
}
