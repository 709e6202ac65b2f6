import { resolve } from 'node:path';
import type { Environment } from './environment.js';

/** What the service decided from its environment. Injected by this class; nobody else reads variables. */
export class Config {
  constructor(readonly env: Environment) {}

  get dataDir(): string {
    return resolve(this.env.DATA_DIR);
  }

  get localDiskRoot(): string {
    return resolve(this.dataDir, 'buckets');
  }

  /** Without a trailing slash. `port` is the port that is really listened on. */
  publicUrl(port: number = this.env.PORT): string {
    const host = this.env.HOST.includes(':') ? `[${this.env.HOST}]` : this.env.HOST;
    return (this.env.PUBLIC_URL ?? `http://${host}:${port}`).replace(/\/+$/, '');
  }
}
