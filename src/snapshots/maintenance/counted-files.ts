import type { RepositoryFiles } from '../../snapshot-engine/index.js';

/** The provider's answers to a list are pages of so many. */
const LIST_PAGE = 1_000;

/** The same files, each request counted: what maintenance costs is shown to who pays for it. */
export class CountedFiles implements RepositoryFiles {
  readonly #files: RepositoryFiles;
  #requests = 0;

  constructor(files: RepositoryFiles) {
    this.#files = files;
  }

  get requests(): number {
    return this.#requests;
  }

  save(...call: Parameters<RepositoryFiles['save']>): Promise<void> {
    this.#requests += 1;
    return this.#files.save(...call);
  }

  load(...call: Parameters<RepositoryFiles['load']>): Promise<Buffer> {
    this.#requests += 1;
    return this.#files.load(...call);
  }

  async *list(...call: Parameters<RepositoryFiles['list']>): ReturnType<RepositoryFiles['list']> {
    let listed = 0;
    for await (const info of this.#files.list(...call)) {
      if (listed % LIST_PAGE === 0) this.#requests += 1;
      listed += 1;
      yield info;
    }
    if (listed === 0) this.#requests += 1;
  }

  remove(...call: Parameters<RepositoryFiles['remove']>): Promise<void> {
    this.#requests += 1;
    return this.#files.remove(...call);
  }

  loadConfig(...call: Parameters<RepositoryFiles['loadConfig']>): Promise<Buffer | undefined> {
    this.#requests += 1;
    return this.#files.loadConfig(...call);
  }

  createConfig(...call: Parameters<RepositoryFiles['createConfig']>): Promise<void> {
    this.#requests += 1;
    return this.#files.createConfig(...call);
  }
}
